/** The key that the organisation keeps itself: where it is, how it fares, and the way there and back. */
import { useQueryClient } from "@tanstack/react-query";
import { Alert, Button } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../../api/client";
import type { ExternalKeyView } from "../../api/types";
import { time } from "../../format";
import { known } from "../../i18n";
import { keeperTone } from "../../keys";
import { useMay } from "../../may";
import { useAct } from "../../parts/act";
import { Fact } from "../../parts/fact";
import { Panel } from "../../parts/page";
import { Dot } from "../../parts/status";
import { KeepKey } from "./keep-key";

export function Keeper({ external }: { external: ExternalKeyView | undefined }) {
  const { t } = useTranslation();
  const may = useMay()("tenant_key.modify");
  const client = useQueryClient();
  const [setting, setSetting] = useState(false);
  const done = () => {
    setSetting(false);
    void client.invalidateQueries({ queryKey: ["tenant-keys"] });
  };
  return (
    <Panel title={t("keys.keeper")}>
      <p className="muted">{t("keys.keeper.hint")}</p>
      {external ? <Where external={external} /> : <p>{t("keys.keeper.none")}</p>}
      {may && (
        <div className="page-actions">
          <Button onClick={() => setSetting(true)}>
            {t(external ? "keys.keeper.change" : "keys.keeper.set")}
          </Button>
          {external && <GiveBack />}
        </div>
      )}
      {setting && <KeepKey external={external} onClose={() => setSetting(false)} onDone={done} />}
    </Panel>
  );
}

function Where({ external }: { external: ExternalKeyView }) {
  const { t } = useTranslation();
  return (
    <>
      {external.cause && (
        <Alert
          type="error"
          showIcon
          title={t("keys.keeper.away")}
          description={
            <>
              <p>{external.cause}</p>
              <p>{t("keys.keeper.away.mend")}</p>
            </>
          }
        />
      )}
      <dl className="facts">
        <Fact name={t("keys.keeper.state")}>
          <Dot tone={keeperTone(external.state)}>{known("keys.keeper.state", external.state)}</Dot>{" "}
          {t("keys.keeper.since", { time: time(external.state_since) })}
        </Fact>
        <Fact name={t("keys.keeper.checked")}>
          <time dateTime={external.checked_at}>{time(external.checked_at)}</time>
        </Fact>
        <Fact name={t("keys.keeper.url")}>{external.url}</Fact>
        <Fact name={t("keys.keeper.key")}>
          {[external.namespace, external.mount, external.key].filter((part) => part != null).join("/")}
        </Fact>
        <Fact name={t("keys.keeper.set_at")}>
          <time dateTime={external.set_at}>{time(external.set_at)}</time>
        </Fact>
      </dl>
    </>
  );
}

function GiveBack() {
  const { t } = useTranslation();
  const { act, ask } = useAct(
    () => unwrap(api.DELETE("/api/v1/tenant/keys/external")),
    () => t("keys.keeper.back.done"),
    ["tenant-keys"],
  );
  return (
    <Button
      loading={act.isPending}
      onClick={() =>
        ask(undefined, {
          title: t("keys.keeper.back.title"),
          hint: t("keys.keeper.back.hint"),
          ok: t("keys.keeper.back"),
          danger: false,
        })
      }
    >
      {t("keys.keeper.back")}
    </Button>
  );
}
