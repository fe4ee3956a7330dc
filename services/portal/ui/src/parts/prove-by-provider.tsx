import { useMutation, useQuery } from "@tanstack/react-query";
import { Button } from "antd";
import { useTranslation } from "react-i18next";
import { myIdentities, proveBy } from "../api/providers";
import { useMe } from "../project";
import { ProblemAlert } from "./problem";

/** For whoever signs in by a provider: it asks them anew, and they come back to this page. */
export function ProveByProvider() {
  const { t } = useTranslation();
  const { tenant, user } = useMe();
  const linked = useQuery(myIdentities());
  const go = useMutation({
    mutationFn: (provider: string) =>
      proveBy({ tenant: tenant.name, provider }, user.id, location.pathname + location.search),
  });
  return (
    <>
      {linked.data?.items.map(({ id, provider, provider_display_name: name }) => (
        <Button
          key={id}
          type="link"
          className="link-button"
          loading={go.isPending && go.variables === provider}
          onClick={() => go.mutate(provider)}
        >
          {t("provider.prove", { name })}
        </Button>
      ))}
      {go.error && <ProblemAlert error={go.error} />}
    </>
  );
}
