import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { App, Button } from "antd";
import { Pencil, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../../api/client";
import { groups } from "../../api/identity";
import type { GroupView } from "../../api/types";
import { useMay } from "../../may";
import { useAct } from "../../parts/act";
import { Ago, Nothing } from "../../parts/page";
import { Paged } from "../../parts/paged";
import type { Column } from "../../parts/records";
import { PeopleHead } from "../people";
import { EditGroup } from "./edit-group";
import { Members } from "./members";

export function Groups() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { message } = App.useApp();
  const may = useMay();
  const list = useInfiniteQuery(groups());
  const [edited, setEdited] = useState<GroupView | "new">();
  const [opened, setOpened] = useState<GroupView>();
  const columns = useColumns(setEdited, setOpened);
  return (
    <>
      <PeopleHead>
        {may("group.create") && (
          <Button type="primary" icon={<Plus size={15} aria-hidden />} onClick={() => setEdited("new")}>
            {t("group.create")}
          </Button>
        )}
      </PeopleHead>
      <Paged
        label={t("people.groups")}
        list={list}
        columns={columns}
        empty={<Nothing title={t("group.empty")} hint={t("group.empty.hint")} />}
      />
      {edited && (
        <EditGroup
          group={edited === "new" ? undefined : edited}
          onClose={() => setEdited(undefined)}
          onDone={({ name }) => {
            setEdited(undefined);
            void message.success(t("group.saved", { name }));
            void client.invalidateQueries({ queryKey: ["groups"] });
          }}
        />
      )}
      {opened && <Members group={opened} onClose={() => setOpened(undefined)} />}
    </>
  );
}

function useColumns(
  onEdit: (group: GroupView) => void,
  onOpen: (group: GroupView) => void,
): Column<GroupView>[] {
  const { t } = useTranslation();
  const may = useMay();
  const { act, ask } = useAct(
    ({ id, generation }: GroupView) =>
      unwrap(
        api.DELETE("/api/v1/groups/{group}", {
          params: { path: { group: id }, header: { "If-Match": `"${generation}"` } },
        }),
      ),
    ({ name }) => t("group.deleted", { name }),
    ["groups", "users", "bindings"],
  );
  return [
    { key: "name", title: t("group.name"), card: "title", render: ({ name }) => <strong>{name}</strong> },
    {
      key: "description",
      title: t("role.description"),
      render: ({ description }) => description || <span className="muted">–</span>,
    },
    {
      key: "members",
      title: t("group.members"),
      render: (group) => (
        <Button
          type="link"
          className="link-button"
          aria-label={t("group.members.of", { name: group.name })}
          onClick={() => onOpen(group)}
        >
          {t("group.members")}
        </Button>
      ),
    },
    { key: "created", title: t("vm.created"), render: ({ created_at }) => <Ago at={created_at} /> },
    {
      key: "actions",
      title: "",
      card: "control",
      width: 84,
      align: "end",
      render: (group) => (
        <span className="row-tools">
          {may("group.modify") && (
            <Button
              type="text"
              size="small"
              aria-label={t("group.edit.of", { name: group.name })}
              icon={<Pencil size={14} aria-hidden />}
              onClick={() => onEdit(group)}
            />
          )}
          {may("group.delete") && (
            <Button
              type="text"
              size="small"
              aria-label={t("group.delete.of", { name: group.name })}
              icon={<Trash2 size={15} aria-hidden />}
              loading={act.isPending && act.variables.id === group.id}
              onClick={() =>
                ask(group, {
                  title: t("group.delete.ask", { name: group.name }),
                  hint: t("group.delete.hint"),
                  ok: t("group.delete"),
                })
              }
            />
          )}
        </span>
      ),
    },
  ];
}
