import { useMutation, useQuery } from "@tanstack/react-query";
import { Button, Divider } from "antd";
import { useTranslation } from "react-i18next";
import { isName, offered, signInBy } from "../../api/providers";
import { useDebounced } from "../../debounced";
import { ProblemAlert } from "../../parts/problem";

interface Props {
  /** As far as it has been typed. */
  tenant: string | undefined;
  next: string | undefined;
}

/** The providers that the organisation offers, once its name is known. */
export function Providers({ tenant, next }: Props) {
  const { t } = useTranslation();
  const name = useDebounced((tenant ?? "").trim(), 400);
  const list = useQuery({ ...offered(name), enabled: isName(name) });
  const go = useMutation({ mutationFn: (provider: string) => signInBy({ tenant: name, provider }, next) });
  const items = list.data?.items ?? [];
  if (items.length === 0) return null;
  return (
    <section className="door-providers" aria-label={t("provider.or")}>
      <Divider plain>{t("provider.or")}</Divider>
      {items.map((provider) => (
        <Button
          key={provider.name}
          size="large"
          block
          loading={go.isPending && go.variables === provider.name}
          disabled={go.isPending}
          onClick={() => go.mutate(provider.name)}
        >
          {t("provider.continue", { name: provider.display_name })}
        </Button>
      ))}
      {go.error && <ProblemAlert error={go.error} />}
    </section>
  );
}
