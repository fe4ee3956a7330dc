import { Form, Input } from "antd";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../../api/client";
import type { GroupView } from "../../api/types";
import { FormDialog } from "../../parts/form-dialog";

interface Fields {
  name: string;
  description?: string;
}

interface Props {
  /** None: a new one. */
  group: GroupView | undefined;
  onDone: (group: GroupView) => void;
  onClose: () => void;
}

export function EditGroup({ group, onDone, onClose }: Props) {
  const { t } = useTranslation();
  const send = ({ name, description }: Fields, key: string) => {
    const body = { name, description: description ?? "" };
    if (!group) {
      return unwrap(api.POST("/api/v1/groups", { body, params: { header: { "Idempotency-Key": key } } }));
    }
    // A group's version is its ETag: what somebody else changed since is not overwritten.
    const header = { "If-Match": `"${group.generation}"` };
    return unwrap(
      api.PATCH("/api/v1/groups/{group}", { params: { path: { group: group.id }, header }, body }),
    );
  };
  return (
    <FormDialog<Fields, GroupView>
      title={group ? t("group.edit.of", { name: group.name }) : t("group.create")}
      ok={group ? t("group.save") : t("group.create")}
      {...(group ? { initial: { name: group.name, description: group.description } } : {})}
      send={send}
      onDone={onDone}
      onClose={onClose}
    >
      <Form.Item name="name" label={t("group.name")} extra={t("role.name.hint")} rules={[{ required: true }]}>
        <Input autoFocus autoComplete="off" spellCheck={false} maxLength={63} />
      </Form.Item>
      <Form.Item name="description" label={`${t("role.description")} (${t("auth.optional")})`}>
        <Input autoComplete="off" maxLength={1000} />
      </Form.Item>
    </FormDialog>
  );
}
