import { Tag, Tooltip } from "antd";
import { useTranslation } from "react-i18next";
import type { VmView } from "../api/types";

/** Where the VM runs; a simulated host says so wherever its name is shown. */
export function HostName({ vm }: { vm: VmView }) {
  if (!vm.host_alias) return <span className="muted">–</span>;
  return (
    <span className="host-name">
      {vm.host_alias}
      {vm.simulated && <Simulated />}
    </span>
  );
}

export function Simulated() {
  const { t } = useTranslation();
  return (
    <Tooltip title={t("vm.simulated.hint")}>
      <Tag className="tag-simulated">{t("vm.simulated")}</Tag>
    </Tooltip>
  );
}
