import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Button } from "antd";
import { useTranslation } from "react-i18next";
import { decisions, type Decision } from "../access";
import { operatorAccess } from "../api/access";
import { api, unwrap } from "../api/client";
import type { OperatorAccessView } from "../api/types";
import { useMay } from "../may";
import { useAct } from "../parts/act";
import { Nothing, PageHead } from "../parts/page";
import { Paged } from "../parts/paged";
import type { Column } from "../parts/records";
import { accessColumns, StateFilter } from "./access/columns";

/** What the platform's operators ask of the organisation: to let them in, and to shut them out. */
export function OperatorAccess() {
  const { t } = useTranslation();
  const { state } = useSearch({ from: "/inside/operator-access" });
  const navigate = useNavigate({ from: "/operator-access" });
  const list = useInfiniteQuery(operatorAccess(state));
  const columns = [...accessColumns(t), useActions()];
  return (
    <>
      <PageHead title={t("access.title")} />
      <p className="muted">{t("access.why")}</p>
      <StateFilter state={state} onChange={(chosen) => void navigate({ search: { state: chosen } })} />
      <Paged
        label={t("access.title")}
        list={list}
        columns={columns}
        empty={<Nothing title={t("access.empty")} />}
      />
    </>
  );
}

interface Decided {
  access: OperatorAccessView;
  decision: Decision;
}

const send = ({ access: { id }, decision }: Decided) => {
  const params = { path: { access: id } };
  switch (decision) {
    case "approve":
      return unwrap(api.POST("/api/v1/operator-access/{access}:approve", { params }));
    case "refuse":
      return unwrap(api.POST("/api/v1/operator-access/{access}:refuse", { params }));
    case "end":
      return unwrap(api.POST("/api/v1/operator-access/{access}:end", { params }));
  }
};

function useActions(): Column<OperatorAccessView> {
  const { t } = useTranslation();
  const may = useMay();
  const { act, ask } = useAct(send, ({ decision }) => t(`access.${decision}.done`), ["access"]);
  return {
    key: "actions",
    title: "",
    card: "control",
    align: "end",
    render: (access) =>
      decisions(access, may).map((decision) => (
        <Button
          key={decision}
          type="link"
          size="small"
          danger={decision === "end"}
          loading={act.isPending && act.variables.access.id === access.id}
          onClick={() =>
            ask(
              { access, decision },
              {
                title: t(`access.${decision}.ask`),
                hint: t(`access.${decision}.hint`, { minutes: access.minutes, reason: access.reason }),
                ok: t(`access.${decision}`),
                danger: decision !== "refuse",
              },
            )
          }
        >
          {t(`access.${decision}`)}
        </Button>
      )),
  };
}
