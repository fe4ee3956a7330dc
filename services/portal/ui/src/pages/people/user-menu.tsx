import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { App, Button, Dropdown, type MenuProps } from "antd";
import { Ban, Download, Ellipsis, MonitorSmartphone, ShieldQuestion, Trash2, UserCheck } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../../api/client";
import { Problem } from "../../api/problem";
import type { UserView } from "../../api/types";
import { useMay } from "../../may";
import { useAct } from "../../parts/act";
import { ConfirmTyped } from "../../parts/confirm-typed";
import { problemTitle } from "../../parts/problem";
import { save } from "../../parts/save";
import { useMe } from "../../project";
import { UserSessions } from "./sessions";

/**
 * What can be done to somebody. Disabling and deleting are meant whatever else was changed of them since the list was
 * read, so any version will do.
 */
export function UserMenu({ user }: { user: UserView }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const navigate = useNavigate();
  const { message } = App.useApp();
  const mine = useMe();
  const may = useMay();
  const [deleting, setDeleting] = useState(false);
  const [seeing, setSeeing] = useState(false);
  const path = { user: user.id };
  const name = user.display_name;

  const { act, ask } = useAct(
    (enabled: boolean) =>
      unwrap(
        api.PATCH("/api/v1/users/{user}", {
          params: { path, header: { "If-Match": "*" } },
          body: { enabled },
        }),
      ),
    (enabled) => (enabled ? t("people.done.enable", { name }) : t("people.done.disable", { name })),
    ["users"],
  );
  const download = useMutation({
    mutationFn: () => unwrap(api.GET("/api/v1/users/{user}/export", { params: { path } })),
    onSuccess: (held) =>
      save(new Blob([JSON.stringify(held, null, 2)], { type: "application/json" }), `${user.id}.json`),
    onError: (error) => void message.error(problemTitle(Problem.from(error)), 8),
  });

  const oneself = user.id === mine.user.id;
  const items: NonNullable<MenuProps["items"]> = [];
  if (may("user.modify") && !oneself)
    items.push(
      user.enabled
        ? { key: "disable", icon: <Ban size={14} aria-hidden />, label: t("people.disable") }
        : { key: "enable", icon: <UserCheck size={14} aria-hidden />, label: t("people.enable") },
    );
  if (may("user_session.list"))
    items.push({
      key: "sessions",
      icon: <MonitorSmartphone size={14} aria-hidden />,
      label: t("people.sessions"),
    });
  if (may("role_binding.list"))
    items.push({
      key: "explain",
      icon: <ShieldQuestion size={14} aria-hidden />,
      label: t("explain.of"),
    });
  if (may("user.export"))
    items.push({ key: "export", icon: <Download size={14} aria-hidden />, label: t("people.export") });
  if (may("user.delete") && !oneself)
    items.push({
      key: "delete",
      danger: true,
      icon: <Trash2 size={14} aria-hidden />,
      label: t("people.delete"),
    });
  if (items.length === 0) return null;

  const onClick: MenuProps["onClick"] = ({ key }) => {
    if (key === "enable") act.mutate(true);
    if (key === "export") download.mutate();
    if (key === "sessions") setSeeing(true);
    if (key === "explain") void navigate({ to: "/roles/explain", search: { who: user.id } });
    if (key === "delete") setDeleting(true);
    if (key === "disable")
      ask(false, {
        title: t("people.disable.ask", { name }),
        hint: t("people.disable.hint"),
        ok: t("people.disable"),
      });
  };
  return (
    <>
      <Dropdown trigger={["click"]} placement="bottomRight" menu={{ items, onClick }}>
        <Button
          type="text"
          size="small"
          loading={act.isPending || download.isPending}
          aria-label={t("vm.action.menu", { name: user.email })}
          aria-haspopup="menu"
          icon={<Ellipsis size={16} aria-hidden />}
        />
      </Dropdown>
      {seeing && <UserSessions user={user} onClose={() => setSeeing(false)} />}
      {deleting && (
        <ConfirmTyped
          title={t("people.delete.ask", { name })}
          hint={t("people.delete.hint")}
          ok={t("people.delete")}
          word={user.email}
          send={() =>
            unwrap(api.DELETE("/api/v1/users/{user}", { params: { path, header: { "If-Match": "*" } } }))
          }
          onDone={() => {
            setDeleting(false);
            void message.success(t("people.done.delete", { name }));
            void client.invalidateQueries({ queryKey: ["users"] });
          }}
          onClose={() => setDeleting(false)}
        />
      )}
    </>
  );
}
