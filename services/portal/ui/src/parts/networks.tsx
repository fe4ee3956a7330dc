import { Form, Select } from "antd";
import { useTranslation } from "react-i18next";

/** Networks in CIDR form, as tags; none means from anywhere. */
export function NetworksField({ name }: { name: string | string[] }) {
  const { t } = useTranslation();
  return (
    <Form.Item name={name} label={t("networks")} extra={t("networks.hint")}>
      <Select
        mode="tags"
        open={false}
        suffix={null}
        tokenSeparators={[",", " "]}
        placeholder={t("networks.any")}
      />
    </Form.Item>
  );
}
