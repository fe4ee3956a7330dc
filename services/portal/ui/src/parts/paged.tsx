import type { InfiniteData, UseInfiniteQueryResult } from "@tanstack/react-query";
import { Button } from "antd";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Page } from "../api/types";
import { ProblemAlert } from "./problem";
import { Records, type Column } from "./records";

interface Props<T> {
  label: string;
  list: UseInfiniteQueryResult<InfiniteData<Page<T>>>;
  columns: Column<T>[];
  empty: ReactNode;
}

/** A list that goes on: its rows so far, and a button for more. */
export function Paged<T extends { id: string }>({ label, list, columns, empty }: Props<T>) {
  const { t } = useTranslation();
  const rows = list.data?.pages.flatMap((page) => page.items);
  return (
    <>
      {list.error && <ProblemAlert error={list.error} onRetry={() => void list.refetch()} />}
      {(rows ?? !list.error) && (
        <Records label={label} rows={rows} columns={columns} rowKey={({ id }) => id} empty={empty} />
      )}
      {list.hasNextPage && (
        <div className="more">
          <Button loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
            {t("vm.load_more")}
          </Button>
        </div>
      )}
    </>
  );
}
