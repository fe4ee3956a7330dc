import { useQuery } from "@tanstack/react-query";
import { Form, InputNumber, Radio } from "antd";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../../api/client";
import { passwordPolicy } from "../../api/identity";
import type { PasswordPolicy } from "../../api/types";
import { Panel, Waiting } from "../../parts/page";
import { ProblemAlert } from "../../parts/problem";
import { RulesForm } from "./form";

type Fields = Pick<PasswordPolicy, "profile" | "days" | "history">;

export function PasswordRules() {
  const { t } = useTranslation();
  const read = useQuery(passwordPolicy());
  return (
    <Panel title={t("policy.passwords")}>
      {read.error && <ProblemAlert error={read.error} onRetry={() => void read.refetch()} />}
      {read.isPending && <Waiting />}
      {read.data && <Rules key={read.data.etag} policy={read.data.value} etag={read.data.etag ?? "*"} />}
    </Panel>
  );
}

function Rules({ policy: { profile, days, history }, etag }: { policy: PasswordPolicy; etag: string }) {
  const { t } = useTranslation();
  return (
    <RulesForm<Fields>
      initial={{ profile, days, history }}
      send={(body) =>
        unwrap(api.PATCH("/api/v1/policies/password", { body, params: { header: { "If-Match": etag } } }))
      }
    >
      <Form.Item name="profile" label={t("policy.profile")} extra={t("policy.profile.hint")}>
        <Radio.Group
          className="choices"
          options={(["nist", "mlps3"] as const).map((value) => ({
            value,
            label: t(`policy.profile.${value}`),
          }))}
        />
      </Form.Item>
      <Form.Item noStyle dependencies={["profile"]}>
        {({ getFieldValue }) =>
          getFieldValue("profile") === "mlps3" && (
            <>
              <Form.Item name="days" label={t("policy.days")} rules={[{ required: true }]}>
                <InputNumber min={7} max={365} precision={0} />
              </Form.Item>
              <Form.Item name="history" label={t("policy.history")} rules={[{ required: true }]}>
                <InputNumber min={1} max={10} precision={0} />
              </Form.Item>
            </>
          )
        }
      </Form.Item>
    </RulesForm>
  );
}
