/** What somebody suspected did and read, as a file that proves itself. */
import { App, Button, Form, Input } from "antd";
import { ShieldAlert } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { breachPack } from "../../api/compliance";
import { breachQuery, suspectsSomebody, type BreachFields } from "../../breach";
import { FormDialog } from "../../parts/form-dialog";
import { save } from "../../parts/save";
import { useMe } from "../../project";

const SUSPECTS = ["actor", "credential", "session", "ip"] as const;

export function BreachPack() {
  const { t } = useTranslation();
  const { tenant } = useMe();
  const { message } = App.useApp();
  const [asking, setAsking] = useState(false);
  return (
    <>
      <Button icon={<ShieldAlert size={14} aria-hidden />} onClick={() => setAsking(true)}>
        {t("compliance.breach")}
      </Button>
      {asking && (
        <FormDialog<BreachFields, Blob>
          title={t("compliance.breach")}
          ok={t("compliance.breach.take")}
          send={(fields) => breachPack(breachQuery(fields))}
          onDone={(file) => {
            setAsking(false);
            save(file, `${tenant.name}.breach.ndjson`);
            void message.success(t("compliance.breach.done"));
          }}
          onClose={() => setAsking(false)}
        >
          <p className="muted">{t("compliance.breach.hint")}</p>
          <Form.Item name="since" label={t("compliance.breach.since")} rules={[{ required: true }]}>
            <Input type="datetime-local" />
          </Form.Item>
          <Form.Item
            name="until"
            label={t("compliance.breach.until")}
            extra={t("compliance.breach.until.hint")}
          >
            <Input type="datetime-local" />
          </Form.Item>
          {SUSPECTS.map((name) => (
            <Form.Item
              key={name}
              name={name}
              label={t(`compliance.breach.${name}`)}
              dependencies={SUSPECTS.filter((other) => other !== name)}
              rules={
                name === "actor"
                  ? [
                      ({ getFieldsValue }) => ({
                        validator: () =>
                          suspectsSomebody(getFieldsValue() as Partial<BreachFields>)
                            ? Promise.resolve()
                            : Promise.reject(new Error(t("compliance.breach.somebody"))),
                      }),
                    ]
                  : []
              }
            >
              <Input autoComplete="off" spellCheck={false} />
            </Form.Item>
          ))}
        </FormDialog>
      )}
    </>
  );
}
