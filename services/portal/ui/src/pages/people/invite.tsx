import { Form, Input, Select } from "antd";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../../api/client";
import { FormDialog } from "../../parts/form-dialog";
import { ProjectSelect, RoleSelect } from "../../parts/choices";

const DAY = 86_400;

interface Fields {
  email: string;
  role: string;
  project?: string;
  expires_in: number;
}

export function Invite({ onClose, onMade }: { onClose: () => void; onMade: (link: string) => void }) {
  const { t } = useTranslation();
  const send = ({ email, role, project, expires_in }: Fields, key: string) => {
    const body = { email, role, expires_in, ...(project ? { project } : {}) };
    return unwrap(api.POST("/api/v1/invitations", { body, params: { header: { "Idempotency-Key": key } } }));
  };
  return (
    <FormDialog<Fields, { link: string }>
      title={t("invite.create")}
      ok={t("invite.create")}
      initial={{ expires_in: 7 * DAY }}
      send={send}
      onDone={({ link }) => onMade(link)}
      onClose={onClose}
    >
      <Form.Item name="email" label={t("auth.email")} rules={[{ required: true, type: "email" }]}>
        <Input type="email" autoFocus autoComplete="off" spellCheck={false} />
      </Form.Item>
      <Form.Item name="role" label={t("invite.role")} rules={[{ required: true }]}>
        <RoleSelect />
      </Form.Item>
      <Form.Item name="project" label={t("role.where")}>
        <ProjectSelect />
      </Form.Item>
      <Form.Item name="expires_in" label={t("invite.expires")}>
        <Select
          options={[1, 3, 7].map((days) => ({ value: days * DAY, label: t("key.expires.days", { days }) }))}
        />
      </Form.Item>
    </FormDialog>
  );
}
