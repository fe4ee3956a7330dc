import { Skeleton, Table, type TableColumnsType } from "antd";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useNarrow } from "../prefs";

export interface Column<T> {
  key: string;
  title: string;
  render: (row: T) => ReactNode;
  width?: number;
  align?: "end";
  /** On a narrow screen: the card's heading, its corner, a control beside it, or not there at all. Otherwise a line. */
  card?: "title" | "corner" | "control" | "hidden";
}

interface Props<T> {
  label: string;
  rows: T[] | undefined;
  columns: Column<T>[];
  rowKey: (row: T) => string;
  empty: ReactNode;
  /** More about a row, folded away. */
  detail?: { label: (row: T) => string; render: (row: T) => ReactNode };
}

/** One list, two forms: a dense table where there is room, cards where there is not. */
export function Records<T extends object>(props: Props<T>) {
  const { t } = useTranslation();
  const narrow = useNarrow();
  if (!props.rows) {
    return (
      <div className="panel pad" role="status" aria-label={t("app.loading")}>
        <Skeleton active title={false} paragraph={{ rows: 4 }} />
      </div>
    );
  }
  if (props.rows.length === 0) return <div className="panel empty">{props.empty}</div>;
  return narrow ? <Cards {...props} rows={props.rows} /> : <Wide {...props} rows={props.rows} />;
}

type Filled<T> = Props<T> & { rows: T[] };

function Wide<T extends object>({ label, rows, columns, rowKey, detail }: Filled<T>) {
  const shown: TableColumnsType<T> = columns.map(({ key, title, render, width, align }) => ({
    key,
    title,
    render: (_: unknown, row: T) => render(row),
    ...(width ? { width } : {}),
    ...(align ? { align } : {}),
  }));
  return (
    <div className="panel">
      <Table<T>
        aria-label={label}
        size="small"
        columns={shown}
        dataSource={rows}
        rowKey={rowKey}
        pagination={false}
        scroll={{ x: "max-content" }}
        {...(detail
          ? {
              expandable: {
                expandedRowRender: detail.render,
                expandIcon: ({ expanded, onExpand, record }) => (
                  <button
                    type="button"
                    className="fold"
                    aria-expanded={expanded}
                    aria-label={detail.label(record)}
                    onClick={(event) => onExpand(record, event)}
                  >
                    <span aria-hidden="true" />
                  </button>
                ),
              },
            }
          : {})}
      />
    </div>
  );
}

function Cards<T>({ label, rows, columns, rowKey, detail }: Filled<T>) {
  const { t } = useTranslation();
  const title = columns.find((column) => column.card === "title");
  const corner = columns.find((column) => column.card === "corner");
  const control = columns.find((column) => column.card === "control");
  const lines = columns.filter((column) => column.card === undefined);
  return (
    <ul className="cards" aria-label={label}>
      {rows.map((row) => (
        <li key={rowKey(row)} className="panel card">
          <div className="card-head">
            <strong>{title?.render(row)}</strong>
            <span className="card-corner">
              {corner?.render(row)}
              {control?.render(row)}
            </span>
          </div>
          <dl className="facts">
            {lines.map((column) => (
              <div key={column.key}>
                <dt>{column.title}</dt>
                <dd>{column.render(row)}</dd>
              </div>
            ))}
          </dl>
          {detail && (
            <details>
              <summary aria-label={detail.label(row)}>{t("vm.details")}</summary>
              {detail.render(row)}
            </details>
          )}
        </li>
      ))}
    </ul>
  );
}
