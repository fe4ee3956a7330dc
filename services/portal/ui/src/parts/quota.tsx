import { useTranslation } from "react-i18next";
import { amount } from "../format";
import { known } from "../i18n";
import type { Take } from "../vm";

/** How full each quota is; with `takes`, how full it would be. */
export function Quotas({ takes, className = "" }: { takes: Take[]; className?: string }) {
  const { t } = useTranslation();
  return (
    <ul className={`quotas ${className}`}>
      {takes.map((take) => {
        const { resource, used, limit, over } = take;
        const left = limit - used - take.takes;
        const share = (value: number) => `${limit > 0 ? Math.min(100, (value / limit) * 100) : 0}%`;
        return (
          <li key={resource} className={over ? "quota quota-over" : "quota"}>
            <div className="quota-line">
              <span className="quota-name">{known("quota", resource)}</span>
              {take.takes > 0 && <span className="quota-takes">+{amount(resource, take.takes)}</span>}
            </div>
            <div className="bar" aria-hidden="true">
              <i style={{ width: share(used) }} />
              {take.takes > 0 && <b style={{ width: share(Math.min(take.takes, limit - used)) }} />}
            </div>
            <div className="quota-line quota-foot">
              <span>{t("quota.of", { used: amount(resource, used), limit: amount(resource, limit) })}</span>
              <span>
                {over
                  ? t("quota.over", { over: amount(resource, -left) })
                  : t("quota.left", { left: amount(resource, left) })}
              </span>
            </div>
          </li>
        );
      })}
    </ul>
  );
}
