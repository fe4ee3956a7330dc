import { useTranslation } from "react-i18next";
import type { RoleBindingView } from "../api/types";
import { time } from "../format";

/** When a binding counts; all of it must hold. */
export function Conditions({ condition }: { condition: RoleBindingView["condition"] }) {
  const { t } = useTranslation();
  const { until, networks, factor_minutes } = condition;
  if (!until && networks.length === 0 && !factor_minutes) return t("condition.none");
  return (
    <span className="stack">
      {until && <span>{t("condition.is.until", { until: time(until) })}</span>}
      {networks.length > 0 && <span>{t("condition.is.networks", { networks: networks.join(", ") })}</span>}
      {factor_minutes && <span>{t("condition.is.factor", { minutes: factor_minutes })}</span>}
    </span>
  );
}
