import { Form, Input } from "antd";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../../api/client";
import type { RoleView } from "../../api/types";
import { FormDialog } from "../../parts/form-dialog";
import { PermissionSelect } from "../../parts/permissions";

interface Fields {
  name: string;
  description?: string;
  permissions: string[];
}

interface Props {
  /** None: a new one. */
  role: RoleView | undefined;
  onDone: (role: RoleView) => void;
  onClose: () => void;
}

export function EditRole({ role, onDone, onClose }: Props) {
  const { t } = useTranslation();
  const send = ({ name, description, permissions }: Fields, key: string) => {
    const body = { name, permissions, description: description ?? "" };
    if (!role) {
      return unwrap(api.POST("/api/v1/roles", { body, params: { header: { "Idempotency-Key": key } } }));
    }
    // A role's version is its ETag: what somebody else changed since is not overwritten.
    const header = { "If-Match": `"${role.generation}"` };
    return unwrap(api.PATCH("/api/v1/roles/{role}", { params: { path: { role: role.id }, header }, body }));
  };
  return (
    <FormDialog<Fields, RoleView>
      title={role ? t("role.edit.of", { name: role.name }) : t("role.create")}
      ok={role ? t("role.save") : t("role.create")}
      {...(role
        ? { initial: { name: role.name, description: role.description, permissions: role.permissions } }
        : {})}
      width={600}
      send={send}
      onDone={onDone}
      onClose={onClose}
    >
      <Form.Item name="name" label={t("role.name")} extra={t("role.name.hint")} rules={[{ required: true }]}>
        <Input autoFocus autoComplete="off" spellCheck={false} maxLength={63} />
      </Form.Item>
      <Form.Item name="description" label={`${t("role.description")} (${t("auth.optional")})`}>
        <Input autoComplete="off" maxLength={1000} />
      </Form.Item>
      <Form.Item
        name="permissions"
        label={t("role.permissions")}
        extra={t("role.permissions.hint")}
        rules={[{ required: true }]}
      >
        <PermissionSelect />
      </Form.Item>
    </FormDialog>
  );
}
