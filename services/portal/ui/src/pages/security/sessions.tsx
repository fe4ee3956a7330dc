import { useInfiniteQuery } from "@tanstack/react-query";
import { Button, Tag, Tooltip } from "antd";
import { LogOut } from "lucide-react";
import { useTranslation } from "react-i18next";
import { device } from "../../agent";
import { api, unwrap } from "../../api/client";
import { mySessions } from "../../api/identity";
import type { ActiveSession } from "../../api/types";
import { useAct } from "../../parts/act";
import { Block } from "../../parts/block";
import { Ago, Nothing } from "../../parts/page";
import { Paged } from "../../parts/paged";
import type { Column } from "../../parts/records";

/** Where the caller is signed in. */
export function Sessions() {
  const { t } = useTranslation();
  const list = useInfiniteQuery(mySessions());
  const columns = useColumns();
  const others = useAct<undefined>(
    () => unwrap(api.DELETE("/api/v1/me/sessions", {})),
    () => t("session.ended.others"),
    ["sessions"],
  );
  const rows = list.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Block
      title={t("session.title")}
      hint={t("session.hint")}
      actions={
        rows.some(({ current }) => !current) && (
          <Button
            icon={<LogOut size={14} aria-hidden />}
            loading={others.act.isPending}
            onClick={() =>
              others.ask(undefined, {
                title: t("session.end.others.ask"),
                hint: t("session.end.others.hint"),
                ok: t("session.end.others"),
              })
            }
          >
            {t("session.end.others")}
          </Button>
        )
      }
    >
      <Paged
        label={t("session.title")}
        list={list}
        columns={columns}
        empty={<Nothing title={t("session.empty")} />}
      />
    </Block>
  );
}

function useColumns(): Column<ActiveSession>[] {
  const { t } = useTranslation();
  const { act } = useAct(
    ({ id }: ActiveSession) =>
      unwrap(api.DELETE("/api/v1/me/sessions/{session}", { params: { path: { session: id } } })),
    () => t("session.ended"),
    ["sessions"],
  );
  return [
    {
      key: "device",
      title: t("session.device"),
      card: "title",
      render: ({ device: agent, current }) => (
        <span className="marked">
          <Tooltip title={agent}>
            <strong>{device(agent) ?? t("session.unknown")}</strong>
          </Tooltip>
          {current && <Tag>{t("session.current")}</Tag>}
        </span>
      ),
    },
    {
      key: "from",
      title: t("session.from"),
      render: ({ used_from, address }) => <code>{used_from ?? address ?? "–"}</code>,
    },
    { key: "used", title: t("session.used"), render: ({ used_at }) => <Ago at={used_at} /> },
    { key: "since", title: t("session.since"), render: ({ created_at }) => <Ago at={created_at} /> },
    {
      key: "actions",
      title: "",
      card: "control",
      width: 90,
      align: "end",
      render: (session) =>
        !session.current && (
          <Button
            size="small"
            aria-label={t("session.end.of", { device: device(session.device) ?? t("session.unknown") })}
            loading={act.isPending && act.variables.id === session.id}
            onClick={() => act.mutate(session)}
          >
            {t("session.end")}
          </Button>
        ),
    },
  ];
}
