/** What forms about rights choose from. */
import { useQuery } from "@tanstack/react-query";
import { Select, type SelectProps } from "antd";
import { useTranslation } from "react-i18next";
import { accounts, allGroups, everybody, roles } from "../api/identity";
import type { SubjectKind } from "../api/types";
import { known } from "../i18n";
import { useMay } from "../may";
import { useMe } from "../project";

type Props = Pick<
  SelectProps<string>,
  "id" | "value" | "onChange" | "allowClear" | "aria-label" | "className"
> & {
  placeholder?: string;
};

export function RoleSelect(props: Props) {
  const { data } = useQuery(roles());
  return (
    <Select
      {...props}
      showSearch={{ optionFilterProp: "label" }}
      options={(data?.items ?? []).map(({ name }) => ({ value: name, label: known("role", name) }))}
    />
  );
}

/** A project, or none for the whole organisation. */
export function ProjectSelect(props: Props) {
  const { t } = useTranslation();
  const { projects } = useMe();
  return (
    <Select
      allowClear
      placeholder={t("role.where.all")}
      {...props}
      showSearch={{ optionFilterProp: "label" }}
      options={projects.map(({ id, name }) => ({ value: id, label: name }))}
    />
  );
}

export interface Subject {
  kind: SubjectKind;
  id: string;
  name: string;
}

/** Everybody a role may be bound to, as far as the caller may see them. */
export function useSubjects(): Subject[] {
  const may = useMay();
  const people = useQuery({ ...everybody(), enabled: may("user.list") });
  const groups = useQuery({ ...allGroups(), enabled: may("group.list") });
  const machines = useQuery({ ...accounts(), enabled: may("service_account.list") });
  return [
    ...(people.data?.items ?? []).map(({ id, email }) => ({ kind: "user" as const, id, name: email })),
    ...(groups.data?.items ?? []).map(({ id, name }) => ({ kind: "group" as const, id, name })),
    ...(machines.data?.items ?? []).map(({ id, name }) => ({ kind: "service_account" as const, id, name })),
  ];
}

const KINDS: SubjectKind[] = ["user", "group", "service_account"];

/** One of them, by id. */
export function SubjectSelect({ kinds = KINDS, ...props }: Props & { kinds?: SubjectKind[] }) {
  const subjects = useSubjects();
  const options = kinds.flatMap((kind) => {
    const of = subjects.filter((subject) => subject.kind === kind);
    return of.length === 0
      ? []
      : [{ label: known("subject", kind), options: of.map(({ id, name }) => ({ value: id, label: name })) }];
  });
  return <Select {...props} showSearch={{ optionFilterProp: "label" }} options={options} />;
}
