import { DatePicker, Form, InputNumber } from "antd";
import dayjs, { type Dayjs } from "dayjs";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../../api/client";
import type { BindingFilter } from "../../api/identity";
import { ProjectSelect, RoleSelect, SubjectSelect, useSubjects } from "../../parts/choices";
import { FormDialog } from "../../parts/form-dialog";
import { NetworksField } from "../../parts/networks";

interface Fields {
  /** As in the body, so that problems find their fields. */
  subject: { id: string };
  role: string;
  project?: string;
  condition?: { until?: Dayjs | null; networks?: string[]; factor_minutes?: number | null };
}

interface Props {
  /** What the list shows is what is most likely meant. */
  filter: BindingFilter;
  onDone: () => void;
  onClose: () => void;
}

/** Gives a role to somebody, on everything or one project, with conditions. */
export function Bind({ filter, onDone, onClose }: Props) {
  const { t } = useTranslation();
  const subjects = useSubjects();
  const send = ({ subject, role, project, condition = {} }: Fields, key: string) => {
    const { until, networks, factor_minutes } = condition;
    const body = {
      subject: {
        kind: subjects.find(({ id }) => id === subject.id)?.kind ?? ("user" as const),
        id: subject.id,
      },
      role,
      ...(project ? { project } : {}),
      condition: {
        networks: networks ?? [],
        until: until?.toISOString() ?? null,
        factor_minutes: factor_minutes ?? null,
      },
    };
    return unwrap(
      api.POST("/api/v1/role-bindings", { body, params: { header: { "Idempotency-Key": key } } }),
    );
  };
  return (
    <FormDialog<Fields, unknown>
      title={t("binding.create")}
      ok={t("binding.create")}
      initial={{
        ...(filter.subject ? { subject: { id: filter.subject } } : {}),
        ...(filter.role ? { role: filter.role } : {}),
        ...(filter.project ? { project: filter.project } : {}),
      }}
      send={send}
      onDone={onDone}
      onClose={onClose}
    >
      <Form.Item name={["subject", "id"]} label={t("binding.subject")} rules={[{ required: true }]}>
        <SubjectSelect />
      </Form.Item>
      <Form.Item name="role" label={t("invite.role")} rules={[{ required: true }]}>
        <RoleSelect />
      </Form.Item>
      <Form.Item name="project" label={t("role.where")}>
        <ProjectSelect />
      </Form.Item>
      <details className="fold-away">
        <summary>{t("binding.conditions")}</summary>
        <Form.Item name={["condition", "until"]} label={t("condition.until")}>
          <DatePicker showTime minDate={dayjs()} className="full" />
        </Form.Item>
        <NetworksField name={["condition", "networks"]} />
        <Form.Item
          name={["condition", "factor_minutes"]}
          label={t("condition.factor")}
          extra={t("condition.factor.hint")}
        >
          <InputNumber min={1} max={1440} className="full" />
        </Form.Item>
      </details>
    </FormDialog>
  );
}
