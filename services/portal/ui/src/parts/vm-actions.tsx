import { useMutation, useQueryClient } from "@tanstack/react-query";
import { App, Button, Dropdown } from "antd";
import { Ellipsis, Play, Power, RotateCw, Trash2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../api/client";
import { Problem } from "../api/problem";
import type { VmView } from "../api/types";
import { allowed, type VmAction } from "../vm";
import { problemTitle } from "./problem";

const ICONS = { start: Play, stop: Power, reboot: RotateCw, delete: Trash2 };
const ACTIONS: VmAction[] = ["start", "stop", "reboot", "delete"];

function send(action: VmAction, vm: VmView) {
  const path = { project: vm.project_id, vm: vm.id };
  const header = { "Idempotency-Key": crypto.randomUUID() };
  switch (action) {
    case "start":
      return unwrap(api.POST("/api/v1/projects/{project}/vms/{vm}:start", { params: { path, header } }));
    case "stop":
      return unwrap(api.POST("/api/v1/projects/{project}/vms/{vm}:stop", { params: { path, header } }));
    case "reboot":
      return unwrap(api.POST("/api/v1/projects/{project}/vms/{vm}:reboot", { params: { path, header } }));
    case "delete":
      return unwrap(api.DELETE("/api/v1/projects/{project}/vms/{vm}", { params: { path } }));
  }
}

function useVmAction(vm: VmView) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { modal, message } = App.useApp();

  const act = useMutation({
    mutationFn: (action: VmAction) => send(action, vm),
    onSuccess: (_, action) => void message.success(t(`vm.asked.${action}`, { name: vm.name })),
    onError: (error) => {
      const problem = Problem.from(error);
      void message.error(
        [problemTitle(problem), problem.detail, problem.requestId].filter(Boolean).join(" · "),
        8,
      );
    },
    onSettled: () => Promise.all(["vms", "vm"].map((key) => client.invalidateQueries({ queryKey: [key] }))),
  });

  /** Starting harms nothing; the rest asks first. */
  const ask = (action: VmAction) => {
    if (action === "start") {
      act.mutate(action);
      return;
    }
    modal.confirm({
      title: t(`vm.confirm.${action}`, { name: vm.name }),
      content: t(`vm.confirm.${action}.hint`),
      okText: t(`vm.action.${action}`),
      okButtonProps: { danger: action === "delete", type: "primary" },
      cancelText: t("vm.confirm.cancel"),
      focusable: { autoFocusButton: "cancel" },
      onOk: () => act.mutateAsync(action).catch(() => undefined),
    });
  };
  return { ask, pending: act.isPending ? act.variables : undefined };
}

/** The actions as buttons, on the VM's own page. */
export function VmButtons({ vm }: { vm: VmView }) {
  const { t } = useTranslation();
  const { ask, pending } = useVmAction(vm);
  return (
    <>
      {ACTIONS.map((action) => {
        const Icon = ICONS[action];
        return (
          <Button
            key={action}
            danger={action === "delete"}
            icon={<Icon size={14} aria-hidden />}
            disabled={!allowed(action, vm.status)}
            loading={pending === action}
            onClick={() => ask(action)}
          >
            {t(`vm.action.${action}`)}
          </Button>
        );
      })}
    </>
  );
}

/** The actions as a menu, in a list's row. */
export function VmMenu({ vm }: { vm: VmView }) {
  const { t } = useTranslation();
  const { ask, pending } = useVmAction(vm);
  const items = ACTIONS.map((action) => {
    const Icon = ICONS[action];
    return {
      key: action,
      label: t(`vm.action.${action}`),
      icon: <Icon size={14} aria-hidden />,
      danger: action === "delete",
      disabled: !allowed(action, vm.status),
    };
  });
  return (
    <Dropdown
      trigger={["click"]}
      menu={{ items, onClick: ({ key }) => ask(key as VmAction) }}
      placement="bottomRight"
    >
      <Button
        type="text"
        size="small"
        loading={pending !== undefined}
        aria-label={t("vm.action.menu", { name: vm.name })}
        aria-haspopup="menu"
        icon={<Ellipsis size={16} aria-hidden />}
      />
    </Dropdown>
  );
}
