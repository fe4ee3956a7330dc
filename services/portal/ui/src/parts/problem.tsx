import { Alert, Button, type FormInstance } from "antd";
import { useTranslation } from "react-i18next";
import { pointerPath, Problem } from "../api/problem";
import { known } from "../i18n";

interface Props {
  error: unknown;
  /** Said instead of the code's own title. */
  title?: string | undefined;
  onRetry?: (() => void) | undefined;
  /** Field errors already shown beside their fields. */
  shown?: ReadonlySet<string> | undefined;
}

/** What went wrong, what the server said about it, and the id to quote when asking for help. */
export function ProblemAlert({ error, title, onRetry, shown }: Props) {
  const { t } = useTranslation();
  const problem = Problem.from(error);
  const rest = problem.fields.filter((field) => !shown?.has(field.pointer));
  const heading = title ?? problemTitle(problem);

  return (
    <Alert
      type="error"
      showIcon
      role="alert"
      title={heading}
      description={
        <>
          {problem.detail && problem.detail !== heading && <div>{problem.detail}</div>}
          {rest.length > 0 && (
            <ul className="problem-fields">
              {rest.map((field) => (
                <li key={`${field.pointer} ${field.detail}`}>
                  <code>{field.pointer}</code> {field.detail}
                </li>
              ))}
            </ul>
          )}
          {problem.requestId && (
            <small className="problem-id">{t("problem.request", { id: problem.requestId })}</small>
          )}
        </>
      }
      {...(onRetry ? { action: <Button onClick={onRetry}>{t("app.retry")}</Button> } : {})}
    />
  );
}

export function problemTitle(problem: Problem): string {
  const text = known("problem", problem.code);
  return text === problem.code.replaceAll("_", " ") ? problem.title : text;
}

/**
 * Puts `errors[]` beside the fields they name and returns the pointers that found one. A pointer may go deeper than the
 * form does (`/labels/env`): the nearest field above it takes it.
 */
export function showOnFields(form: FormInstance, error: unknown): Set<string> {
  const shown = new Set<string>();
  const byField = new Map<string, { name: string[]; errors: string[] }>();
  for (const { pointer, detail } of Problem.from(error).fields) {
    for (let path = pointerPath(pointer); path.length > 0; path = path.slice(0, -1)) {
      if (!form.getFieldInstance(path)) continue;
      const key = path.join("/");
      const field = byField.get(key) ?? { name: path, errors: [] };
      field.errors.push(detail);
      byField.set(key, field);
      shown.add(pointer);
      break;
    }
  }
  form.setFields([...byField.values()]);
  const first = [...byField.values()][0];
  if (first) form.focusField(first.name);
  return shown;
}
