import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Button, Form, Input, Modal, Select } from "antd";
import { Plus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../api/client";
import { useIdempotencyKey } from "../api/idempotency";
import { me } from "../api/queries";
import { ProblemAlert, showOnFields } from "../parts/problem";
import { useMe, type Project } from "../project";

export function ProjectSwitcher({ current }: { current: Project | undefined }) {
  const { t } = useTranslation();
  const { projects } = useMe();
  const navigate = useNavigate();
  const [creating, setCreating] = useState(false);

  const go = (name: string) => void navigate({ to: "/projects/$project/vms", params: { project: name } });
  return (
    <div className="switcher">
      <div className="switcher-row">
        <Select
          aria-label={t("project.switch")}
          value={current?.name ?? null}
          options={projects.map(({ name }) => ({ value: name, label: name }))}
          showSearch={{ optionFilterProp: "label" }}
          placeholder={t("project.none")}
          onChange={go}
        />
        <Button
          aria-label={t("project.new")}
          title={t("project.new")}
          icon={<Plus size={15} aria-hidden />}
          onClick={() => setCreating(true)}
        />
      </div>
      {creating && (
        <NewProject
          onClose={() => setCreating(false)}
          onMade={(name) => {
            setCreating(false);
            go(name);
          }}
        />
      )}
    </div>
  );
}

interface ProjectFields {
  name: string;
  description?: string;
}

export function NewProject({ onClose, onMade }: { onClose: () => void; onMade: (name: string) => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [form] = Form.useForm<ProjectFields>();
  const [shown, setShown] = useState<Set<string>>();
  const keyFor = useIdempotencyKey();

  const make = useMutation({
    mutationFn: ({ name, description }: ProjectFields) => {
      const body = { name, ...(description ? { description } : {}) };
      return unwrap(
        api.POST("/api/v1/projects", { body, params: { header: { "Idempotency-Key": keyFor(body) } } }),
      );
    },
    onSuccess: async ({ name }) => {
      await client.refetchQueries(me());
      onMade(name);
    },
    onError: (error) => setShown(showOnFields(form, error)),
  });

  return (
    <Modal
      open
      title={t("project.new")}
      okText={t("project.create")}
      cancelText={t("vm.confirm.cancel")}
      confirmLoading={make.isPending}
      onOk={() => form.submit()}
      onCancel={onClose}
      destroyOnHidden
    >
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(fields) => make.mutate(fields)}>
        <Form.Item
          name="name"
          label={t("project.name")}
          extra={t("project.name.hint")}
          rules={[{ required: true }]}
        >
          <Input autoFocus autoComplete="off" spellCheck={false} maxLength={63} />
        </Form.Item>
        <Form.Item name="description" label={`${t("project.description")} (${t("auth.optional")})`}>
          <Input autoComplete="off" maxLength={500} />
        </Form.Item>
        {make.error && <ProblemAlert error={make.error} shown={shown} />}
      </Form>
    </Modal>
  );
}
