import { useTranslation } from "react-i18next";
import { isKey } from "../i18n";

/** What a program would be let in for, a line each. */
export function Scopes({ names, label }: { names: string[]; label: string }) {
  const { t } = useTranslation();
  return (
    <ul className="scopes" aria-label={label}>
      {names.map((name) => {
        const key = `scope.${name}`;
        return <li key={name}>{isKey(key) ? t(key) : t("scope.action", { action: name })}</li>;
      })}
    </ul>
  );
}
