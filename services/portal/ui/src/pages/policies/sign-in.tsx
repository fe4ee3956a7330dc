import { useQuery } from "@tanstack/react-query";
import { Checkbox, Form, InputNumber, Radio } from "antd";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../../api/client";
import { signInPolicy } from "../../api/identity";
import type { SignInPolicy } from "../../api/types";
import { known } from "../../i18n";
import { Panel, Waiting } from "../../parts/page";
import { ProblemAlert } from "../../parts/problem";
import { RulesForm } from "./form";

type Fields = Pick<
  SignInPolicy,
  | "second_factor"
  | "factor_kinds"
  | "weaker_factors"
  | "step_up_minutes"
  | "session_idle_minutes"
  | "session_hours"
>;

export function SignInRules() {
  const { t } = useTranslation();
  const read = useQuery(signInPolicy());
  return (
    <Panel title={t("policy.sign_in")}>
      {read.error && <ProblemAlert error={read.error} onRetry={() => void read.refetch()} />}
      {read.isPending && <Waiting />}
      {read.data && <Rules key={read.data.etag} policy={read.data.value} etag={read.data.etag ?? "*"} />}
    </Panel>
  );
}

function Rules({ policy, etag }: { policy: SignInPolicy; etag: string }) {
  const { t } = useTranslation();
  const {
    second_factor,
    factor_kinds,
    weaker_factors,
    step_up_minutes,
    session_idle_minutes,
    session_hours,
    most,
  } = policy;
  // What is allowed already can be taken back where the operator sends nothing for a while.
  const weaker = [...new Set([...policy.known_weaker_factors, ...weaker_factors])];
  return (
    <RulesForm<Fields>
      initial={{
        second_factor,
        factor_kinds,
        weaker_factors,
        step_up_minutes,
        session_idle_minutes,
        session_hours,
      }}
      send={(body) =>
        unwrap(api.PATCH("/api/v1/policies/sign-in", { body, params: { header: { "If-Match": etag } } }))
      }
    >
      <Form.Item name="second_factor" label={t("policy.factor")} extra={t("policy.factor.hint")}>
        <Radio.Group
          className="choices"
          options={(["optional", "privileged", "everyone"] as const).map((value) => ({
            value,
            label: t(`policy.factor.${value}`),
          }))}
        />
      </Form.Item>
      <Form.Item name="factor_kinds" label={t("policy.kinds")} rules={[{ type: "array", min: 1 }]}>
        <Checkbox.Group
          options={policy.known_factor_kinds.map((value) => ({ value, label: known("factor.kind", value) }))}
        />
      </Form.Item>
      <Form.Item
        name="weaker_factors"
        label={t("policy.weaker")}
        extra={weaker.length > 0 ? t("policy.weaker.hint") : t("policy.weaker.none")}
      >
        <Checkbox.Group options={weaker.map((value) => ({ value, label: known("factor.kind", value) }))} />
      </Form.Item>
      <Form.Item
        name="step_up_minutes"
        label={t("policy.step_up")}
        extra={t("policy.step_up.hint")}
        rules={[{ required: true }]}
      >
        <InputNumber min={0} max={1440} precision={0} />
      </Form.Item>
      <Form.Item
        name="session_idle_minutes"
        label={t("policy.idle")}
        extra={t("policy.most", { most: most.session_idle_minutes })}
        rules={[{ required: true }]}
      >
        <InputNumber min={15} max={most.session_idle_minutes} precision={0} />
      </Form.Item>
      <Form.Item
        name="session_hours"
        label={t("policy.hours")}
        extra={t("policy.most", { most: most.session_hours })}
        rules={[{ required: true }]}
      >
        <InputNumber min={1} max={most.session_hours} precision={0} />
      </Form.Item>
    </RulesForm>
  );
}
