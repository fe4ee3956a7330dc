import { Alert, Button, Modal } from "antd";
import { Check, Copy, Download } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { save } from "./save";

interface Props {
  title: string;
  hint: string;
  /** One secret, or a set of them, a line each. */
  secrets: string[];
  /** What they are called, for screen readers. */
  label: string;
  /** Offers them as a file of this name. */
  file?: string;
  onClose: () => void;
}

/** Secrets that are shown this once: it closes by its button alone. */
export function ShownOnce({ title, hint, secrets, label, file, onClose }: Props) {
  const { t } = useTranslation();
  const [copied, setCopied] = useState(false);
  const text = secrets.join("\n");
  return (
    <Modal
      open
      title={title}
      closable={false}
      keyboard={false}
      mask={{ closable: false }}
      // It takes the place of the form that led here: nothing should fly about between them.
      transitionName=""
      maskTransitionName=""
      footer={
        <Button type="primary" onClick={onClose}>
          {t("once.done")}
        </Button>
      }
    >
      <div className="once">
        <Alert type="warning" showIcon title={hint} />
        <ul className={secrets.length > 1 ? "once-secrets once-set" : "once-secrets"} aria-label={label}>
          {secrets.map((secret) => (
            <li key={secret}>
              <code>{secret}</code>
            </li>
          ))}
        </ul>
        <div className="once-tools">
          <Button
            icon={copied ? <Check size={14} aria-hidden /> : <Copy size={14} aria-hidden />}
            onClick={() => void navigator.clipboard.writeText(text).then(() => setCopied(true))}
          >
            {copied ? t("list.copied") : t("list.copy")}
          </Button>
          {file && (
            <Button
              icon={<Download size={14} aria-hidden />}
              onClick={() => save(new Blob([`${text}\n`], { type: "text/plain" }), file)}
            >
              {t("once.download")}
            </Button>
          )}
        </div>
      </div>
    </Modal>
  );
}
