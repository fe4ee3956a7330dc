import { useInfiniteQuery } from "@tanstack/react-query";
import { Button, Modal } from "antd";
import { UserMinus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../../api/client";
import { members } from "../../api/identity";
import type { GroupView, MemberView } from "../../api/types";
import { useMay } from "../../may";
import { useAct } from "../../parts/act";
import { SubjectSelect } from "../../parts/choices";
import { Ago, Nothing } from "../../parts/page";
import { Paged } from "../../parts/paged";
import type { Column } from "../../parts/records";

/** Who is in a group, whom to add. */
export function Members({ group, onClose }: { group: GroupView; onClose: () => void }) {
  const { t } = useTranslation();
  const may = useMay();
  const list = useInfiniteQuery(members(group.id));
  const columns = useColumns(group);
  return (
    <Modal
      open
      title={t("group.members.of", { name: group.name })}
      width={640}
      footer={null}
      onCancel={onClose}
    >
      <div className="once">
        {may("group_member.create") && <Add group={group} />}
        <Paged
          label={t("group.members.of", { name: group.name })}
          list={list}
          columns={columns}
          empty={<Nothing title={t("group.members.empty")} />}
        />
      </div>
    </Modal>
  );
}

const CHANGED = ["members", "users"];

function Add({ group }: { group: GroupView }) {
  const { t } = useTranslation();
  const [user, setUser] = useState<string>();
  const { act } = useAct(
    (id: string) =>
      unwrap(
        api.PUT("/api/v1/groups/{group}/members/{user}", { params: { path: { group: group.id, user: id } } }),
      ),
    () => t("group.added", { name: group.name }),
    CHANGED,
  );
  return (
    <div className="switcher-row">
      <SubjectSelect
        kinds={["user"]}
        aria-label={t("group.add.who")}
        placeholder={t("group.add.who")}
        {...(user ? { value: user } : {})}
        onChange={setUser}
      />
      {/* Never disabled: the focus would be lost with it after each one added. */}
      <Button
        loading={act.isPending}
        onClick={() => user && act.mutate(user, { onSuccess: () => setUser(undefined) })}
      >
        {t("group.add")}
      </Button>
    </div>
  );
}

function useColumns(group: GroupView): Column<MemberView>[] {
  const { t } = useTranslation();
  const may = useMay();
  const { act } = useAct(
    ({ id }: MemberView) =>
      unwrap(
        api.DELETE("/api/v1/groups/{group}/members/{user}", {
          params: { path: { group: group.id, user: id } },
        }),
      ),
    ({ display_name }) => t("group.removed", { name: display_name }),
    CHANGED,
  );
  return [
    {
      key: "name",
      title: t("people.name"),
      card: "title",
      render: ({ display_name, email }) => (
        <span className="stack">
          <strong>{display_name}</strong>
          <span className="muted">{email}</span>
        </span>
      ),
    },
    { key: "since", title: t("people.since"), render: ({ created_at }) => <Ago at={created_at} /> },
    {
      key: "actions",
      title: "",
      card: "control",
      width: 48,
      align: "end",
      render: (member) =>
        may("group_member.delete") && (
          <Button
            type="text"
            size="small"
            aria-label={t("group.remove.of", { name: member.display_name })}
            icon={<UserMinus size={15} aria-hidden />}
            loading={act.isPending && act.variables.id === member.id}
            onClick={() => act.mutate(member)}
          />
        ),
    },
  ];
}
