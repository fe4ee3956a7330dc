import { useInfiniteQuery } from "@tanstack/react-query";
import { Button, Modal, Tooltip } from "antd";
import { LogOut } from "lucide-react";
import { useTranslation } from "react-i18next";
import { device } from "../../agent";
import { api, unwrap } from "../../api/client";
import { userSessions } from "../../api/identity";
import type { ActiveSession, UserView } from "../../api/types";
import { useMay } from "../../may";
import { useAct } from "../../parts/act";
import { Ago, Nothing } from "../../parts/page";
import { Paged } from "../../parts/paged";
import type { Column } from "../../parts/records";

/** Where somebody else is signed in, and how to end it. */
export function UserSessions({ user, onClose }: { user: UserView; onClose: () => void }) {
  const { t } = useTranslation();
  const may = useMay();
  const list = useInfiniteQuery(userSessions(user.id));
  const name = user.display_name;
  const title = t("people.sessions.of", { name });
  const { act, ask } = useAct<undefined>(
    () => unwrap(api.DELETE("/api/v1/users/{user}/sessions", { params: { path: { user: user.id } } })),
    () => t("people.sessions.ended", { name }),
    ["sessions"],
  );
  const some = list.data?.pages.some((page) => page.items.length > 0) ?? false;
  return (
    <Modal open title={title} width={680} footer={null} onCancel={onClose}>
      <div className="once">
        {may("user_session.delete") && some && (
          <div className="switcher-row">
            <Button
              icon={<LogOut size={14} aria-hidden />}
              loading={act.isPending}
              onClick={() =>
                ask(undefined, {
                  title: t("people.sessions.end.ask", { name }),
                  hint: t("people.sessions.end.hint"),
                  ok: t("people.sessions.end"),
                })
              }
            >
              {t("people.sessions.end")}
            </Button>
          </div>
        )}
        <Paged
          label={title}
          list={list}
          columns={useColumns()}
          empty={<Nothing title={t("session.empty")} />}
        />
      </div>
    </Modal>
  );
}

function useColumns(): Column<ActiveSession>[] {
  const { t } = useTranslation();
  return [
    {
      key: "device",
      title: t("session.device"),
      card: "title",
      render: ({ device: agent }) => (
        <Tooltip title={agent}>
          <strong>{device(agent) ?? t("session.unknown")}</strong>
        </Tooltip>
      ),
    },
    {
      key: "from",
      title: t("session.from"),
      render: ({ used_from, address }) => <code>{used_from ?? address ?? "–"}</code>,
    },
    { key: "used", title: t("session.used"), render: ({ used_at }) => <Ago at={used_at} /> },
    { key: "since", title: t("session.since"), render: ({ created_at }) => <Ago at={created_at} /> },
  ];
}
