import { useTranslation } from "react-i18next";
import { gibibytes, mebibytes, number } from "../format";

interface Props {
  of: { vcpus: number; memory_mib: number; disk_gib: number };
}

/** What a machine is made of, in one line. */
export function Size({ of: { vcpus, memory_mib, disk_gib } }: Props) {
  const { t } = useTranslation();
  const disk = disk_gib > 0 ? gibibytes(disk_gib) : t("flavor.no_disk");
  return <>{t("flavor.size", { vcpus: number(vcpus), memory: mebibytes(memory_mib), disk })}</>;
}
