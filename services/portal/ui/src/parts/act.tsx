import { useMutation, useQueryClient } from "@tanstack/react-query";
import { App } from "antd";
import { useTranslation } from "react-i18next";
import { Problem } from "../api/problem";
import { problemTitle } from "./problem";

interface Question {
  title: string;
  hint: string;
  ok: string;
  danger?: boolean;
}

/**
 * Something done to a row of a list: says how it went, and has the lists named by `keys` read anew. `ask` asks first; the
 * safe answer has the focus.
 */
export function useAct<T>(send: (what: T) => Promise<unknown>, done: (what: T) => string, keys: string[]) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { modal, message } = App.useApp();
  const act = useMutation({
    mutationFn: send,
    onSuccess: (_, what) => void message.success(done(what)),
    onError: (error) => {
      const problem = Problem.from(error);
      void message.error(
        [problemTitle(problem), problem.detail, problem.requestId].filter(Boolean).join(" · "),
        8,
      );
    },
    onSettled: () => Promise.all(keys.map((key) => client.invalidateQueries({ queryKey: [key] }))),
  });
  const ask = (what: T, question: Question) =>
    modal.confirm({
      title: question.title,
      content: question.hint,
      okText: question.ok,
      okButtonProps: { danger: question.danger ?? true, type: "primary" },
      cancelText: t("vm.confirm.cancel"),
      focusable: { autoFocusButton: "cancel" },
      // Closes at once: a proof may be asked for next, and two dialogs would fight for the focus.
      onOk: () => act.mutate(what),
    });
  return { act, ask };
}
