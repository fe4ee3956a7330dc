import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Select, Switch } from "antd";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Problem } from "../api/problem";
import { vmConsole } from "../api/queries";
import type { VmView } from "../api/types";
import { tone } from "../vm";
import { clean } from "./clean";
import { Panel } from "./page";
import { ProblemAlert } from "./problem";

const TAILS = [200, 1000];
const FOLLOW_MS = 2_000;

/** What the serial port printed. Follows the end until the reader scrolls up. */
export function Console({ project, vm }: { project: string; vm: VmView }) {
  const { t } = useTranslation();
  const [tail, setTail] = useState(200);
  const [follow, setFollow] = useState(true);
  const screen = useRef<HTMLPreElement>(null);
  const speaks = tone(vm.status) === "good" || tone(vm.status) === "moving";
  const log = useQuery({
    ...vmConsole(project, vm.id, tail),
    placeholderData: keepPreviousData,
    enabled: vm.status !== "deleted",
    refetchInterval: follow && speaks ? FOLLOW_MS : false,
    retry: false,
  });
  const missing = log.error !== null && [404, 409].includes(Problem.from(log.error).status);
  const text = clean(log.data ?? "");

  useEffect(() => {
    if (follow && screen.current) screen.current.scrollTop = screen.current.scrollHeight;
  }, [text, follow]);

  return (
    <Panel
      title={t("vm.console")}
      className="console-panel"
      extra={
        <div className="console-tools">
          <Select
            size="small"
            aria-label={t("vm.console.lines", { count: tail })}
            value={tail}
            onChange={setTail}
            options={TAILS.map((count) => ({ value: count, label: t("vm.console.lines", { count }) }))}
          />
          <label>
            <Switch size="small" checked={follow} onChange={setFollow} aria-label={t("vm.console.follow")} />
            <span aria-hidden="true">{t("vm.console.follow")}</span>
          </label>
        </div>
      }
    >
      {log.error && !missing && <ProblemAlert error={log.error} onRetry={() => void log.refetch()} />}
      {/* A scrolling region must be reachable by keyboard. */}
      <pre
        className="console"
        ref={screen}
        tabIndex={0}
        role="log"
        aria-live="off"
        aria-label={t("vm.console")}
        onScroll={(event) => {
          const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
          if (scrollHeight - scrollTop - clientHeight > 40) setFollow(false);
        }}
      >
        {text || <span className="console-empty">{t("vm.console.empty")}</span>}
      </pre>
    </Panel>
  );
}
