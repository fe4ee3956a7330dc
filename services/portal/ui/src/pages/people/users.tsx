import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Input, Select } from "antd";
import { Search } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { users } from "../../api/identity";
import type { UserView } from "../../api/types";
import { useDebounced } from "../../debounced";
import { known } from "../../i18n";
import { useMay } from "../../may";
import { Ago, Nothing } from "../../parts/page";
import { Paged } from "../../parts/paged";
import type { Column } from "../../parts/records";
import { Dot } from "../../parts/status";
import { PeopleHead } from "../people";
import { UserMenu } from "./user-menu";

export function Users() {
  const { t } = useTranslation();
  const { q, enabled } = useSearch({ from: "/inside/people" });
  const list = useInfiniteQuery(users({ q, enabled }));
  const columns = useColumns();
  return (
    <>
      <PeopleHead />
      <Filters />
      <Paged
        label={t("people.users")}
        list={list}
        columns={columns}
        empty={<Nothing title={t("people.none")} />}
      />
    </>
  );
}

function useColumns(): Column<UserView>[] {
  const { t } = useTranslation();
  const may = useMay();
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
    {
      key: "state",
      title: t("vm.status"),
      card: "corner",
      render: ({ enabled }) => (
        <Dot tone={enabled ? "good" : "idle"}>{enabled ? t("people.enabled") : t("people.disabled")}</Dot>
      ),
    },
    {
      key: "roles",
      title: t("people.roles"),
      render: ({ id, roles }) => {
        const names = roles.map((role) => known("role", role)).join(", ") || "–";
        return may("role_binding.list") ? (
          <Link to="/roles/bindings" search={{ subject: id }}>
            {names}
          </Link>
        ) : (
          names
        );
      },
    },
    {
      key: "seen",
      title: t("people.seen"),
      render: ({ seen_at }) => (seen_at ? <Ago at={seen_at} /> : t("never")),
    },
    { key: "created", title: t("people.since"), render: ({ created_at }) => <Ago at={created_at} /> },
    {
      key: "actions",
      title: "",
      card: "control",
      width: 48,
      align: "end",
      render: (user) => <UserMenu user={user} />,
    },
  ];
}

function Filters() {
  const { t } = useTranslation();
  const navigate = useNavigate({ from: "/people" });
  const { q, enabled } = useSearch({ from: "/inside/people" });
  const [typed, setTyped] = useState(q ?? "");
  const rested = useDebounced(typed, 250);

  useEffect(() => {
    void navigate({ search: (old) => ({ ...old, q: rested || undefined }), replace: true });
  }, [rested, navigate]);

  return (
    <div className="filters" role="search">
      <Input
        className="filter-name"
        allowClear
        aria-label={t("people.filter")}
        placeholder={t("people.filter")}
        prefix={<Search size={14} aria-hidden />}
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
      />
      <Select
        className="filter-status"
        allowClear
        aria-label={t("vm.status")}
        placeholder={t("vm.filter.status")}
        value={enabled ?? null}
        options={[
          { value: true, label: t("people.enabled") },
          { value: false, label: t("people.disabled") },
        ]}
        onChange={(value: boolean | null) =>
          void navigate({ search: (old) => ({ ...old, enabled: value ?? undefined }), replace: true })
        }
      />
    </div>
  );
}
