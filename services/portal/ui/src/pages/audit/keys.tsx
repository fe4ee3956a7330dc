import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { logKeys } from "../../api/proof";
import type { LogKeyView } from "../../api/types";
import { time } from "../../format";
import { Block } from "../../parts/block";
import { Code, Nothing } from "../../parts/page";
import { ProblemAlert } from "../../parts/problem";
import { Records, type Column } from "../../parts/records";

export function Keys() {
  const { t } = useTranslation();
  const list = useQuery(logKeys());
  const columns: Column<LogKeyView>[] = [
    {
      key: "key",
      title: t("proof.key"),
      card: "title",
      render: ({ id }) => (
        <span className="proof-key">
          <Code value={id} />
        </span>
      ),
    },
    {
      key: "from",
      title: t("proof.key.from"),
      render: ({ created_at }) => <time dateTime={created_at}>{time(created_at)}</time>,
    },
    {
      key: "until",
      title: t("proof.key.until"),
      render: ({ retired_at }) =>
        retired_at ? <time dateTime={retired_at}>{time(retired_at)}</time> : t("proof.key.now"),
    },
  ];
  return (
    <Block title={t("proof.keys")} hint={t("proof.keys.hint")}>
      {list.error ? (
        <ProblemAlert error={list.error} onRetry={() => void list.refetch()} />
      ) : (
        <Records
          label={t("proof.keys")}
          rows={list.data?.items}
          columns={columns}
          rowKey={({ id }) => id}
          empty={<Nothing title={t("proof.keys.none")} />}
        />
      )}
    </Block>
  );
}
