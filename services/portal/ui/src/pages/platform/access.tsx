import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Button } from "antd";
import { useTranslation } from "react-i18next";
import { answers } from "../../access";
import { tenantAccess } from "../../api/access";
import { api, unwrap } from "../../api/client";
import type { OperatorAccessView } from "../../api/types";
import { reference } from "../../format";
import { useAct } from "../../parts/act";
import { Nothing } from "../../parts/page";
import { Paged } from "../../parts/paged";
import type { Column } from "../../parts/records";
import { useMe } from "../../project";
import { accessColumns, StateFilter } from "../access/columns";
import { TenantsHead } from "./tenants";

/** What operators have asked of tenants: to confirm another's emergency, and to give back one's own. */
export function TenantAccess() {
  const { t } = useTranslation();
  const { state } = useSearch({ from: "/inside/platform/access" });
  const navigate = useNavigate({ from: "/platform/access" });
  const list = useInfiniteQuery(tenantAccess(state));
  const tenant: Column<OperatorAccessView> = {
    key: "tenant",
    title: t("access.tenant"),
    render: ({ tenant_id }) => <code title={tenant_id}>{reference(`tenant:${tenant_id}`)}</code>,
  };
  const columns = [...accessColumns(t), tenant, useActions()];
  return (
    <>
      <TenantsHead />
      <StateFilter state={state} onChange={(chosen) => void navigate({ search: { state: chosen } })} />
      <Paged
        label={t("access.title")}
        list={list}
        columns={columns}
        empty={<Nothing title={t("access.none")} />}
      />
    </>
  );
}

interface Answered {
  access: OperatorAccessView;
  answer: "confirm" | "end";
}

const send = ({ access: { id }, answer }: Answered) => {
  const params = { path: { access: id } };
  return answer === "confirm"
    ? unwrap(api.POST("/api/v1/system/break-glass/{access}:confirm", { params }))
    : unwrap(api.POST("/api/v1/system/operator-access/{access}:end", { params }));
};

function useActions(): Column<OperatorAccessView> {
  const { t } = useTranslation();
  const { user } = useMe();
  const { act, ask } = useAct(send, ({ answer }) => t(`access.${answer}.done`), ["access"]);
  return {
    key: "actions",
    title: "",
    card: "control",
    align: "end",
    render: (access) =>
      answers(access, user.id).map((answer) => (
        <Button
          key={answer}
          type="link"
          size="small"
          danger={answer === "confirm"}
          loading={act.isPending && act.variables.access.id === access.id}
          onClick={() =>
            ask(
              { access, answer },
              {
                title: t(`access.${answer}.ask`),
                hint: t(`access.${answer}.hint`, { minutes: access.minutes, reason: access.reason }),
                ok: t(`access.${answer}`),
              },
            )
          }
        >
          {t(`access.${answer}`)}
        </Button>
      )),
  };
}
