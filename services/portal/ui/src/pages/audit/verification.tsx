import { Alert, Button, Form, Input, InputNumber } from "antd";
import { FileCheck2, ShieldCheck } from "lucide-react";
import { useEffect, useRef, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { verifiableExport } from "../../api/proof";
import type { Verdict } from "../../audit/finding";
import { chunksOf } from "../../audit/lines";
import { Key } from "../../audit/note";
import { verify, type Trust } from "../../audit/verify";
import { number } from "../../format";
import { Panel } from "../../parts/page";
import { ProblemAlert } from "../../parts/problem";
import { Said } from "./verdict";

type Open = (signal: AbortSignal) => Promise<ReadableStream<Uint8Array> | null>;

type Run =
  | { state: "idle" | "cancelled" }
  | { state: "running"; entries: number; what: string }
  | { state: "done"; verdict: Verdict; what: string }
  | { state: "failed"; error: unknown };

/** One verification at a time; it ends with the page. */
function useRun() {
  const [run, setRun] = useState<Run>({ state: "idle" });
  const life = useRef<AbortController>(undefined);
  useEffect(() => () => life.current?.abort(), []);

  const start = async (what: string, open: Open, trust: Trust) => {
    life.current?.abort();
    const mine = new AbortController();
    life.current = mine;
    const { signal } = mine;
    const show = (next: Run) => {
      if (life.current === mine) setRun(next);
    };
    const onProgress = (entries: number) => show({ state: "running", entries, what });
    onProgress(0);
    try {
      const stream = await open(signal);
      const bytes = chunksOf(stream ?? new Blob([]).stream());
      show({ state: "done", what, verdict: await verify(bytes, trust, { signal, onProgress }) });
    } catch (error) {
      show(signal.aborted ? { state: "cancelled" } : { state: "failed", error });
    }
  };
  return { run, start, cancel: () => life.current?.abort() };
}

interface Known {
  checkpoint?: string;
  keys?: string;
  witnesses?: string;
  needed?: number | null;
}

/** What a person knows from elsewhere, against which all of it is held. */
function trustOf({ checkpoint, keys, witnesses, needed }: Known): Trust {
  return {
    keys: linesOf(keys).map((line) => new Key(line)),
    witnesses: linesOf(witnesses).map((line) => new Key(line)),
    witnessesNeeded: needed ?? undefined,
    // Pasted text may have lost its last newline, and gained some.
    checkpoint: checkpoint?.trim() ? `${checkpoint.replaceAll("\r\n", "\n").trim()}\n` : undefined,
  };
}

const linesOf = (text = "") =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");

const isKeys = (text: string | undefined, algorithm: Key["algorithm"]) => {
  try {
    return linesOf(text).every((line) => new Key(line).algorithm === algorithm);
  } catch {
    return false;
  }
};

export function Verification() {
  const { t } = useTranslation();
  const [form] = Form.useForm<Known>();
  const { run, start, cancel } = useRun();
  const running = run.state === "running";
  const begin = async (what: string, open: Open) => {
    // What is wrong stands beside its field then.
    const known = await form.validateFields().catch(() => undefined);
    if (known) await start(what, open, trustOf(known));
  };
  const file = (one: File) => begin(one.name, () => Promise.resolve(one.stream()));
  return (
    <Panel title={t("proof.verify")}>
      <p className="muted">{t("proof.verify.hint")}</p>
      <Form form={form} layout="vertical" className="proof-known" disabled={running}>
        <div>
          <Form.Item name="checkpoint" label={t("proof.kept")} extra={t("proof.kept.hint")}>
            <Input.TextArea className="mono" autoSize={{ minRows: 3, maxRows: 8 }} spellCheck={false} />
          </Form.Item>
          <Chooser
            label={t("proof.kept.choose")}
            accept=".checkpoint,text/plain"
            onFile={async (one) => form.setFieldValue("checkpoint", await one.slice(0, 65_536).text())}
          />
        </div>
        <Form.Item
          name="keys"
          label={t("proof.pinned")}
          extra={t("proof.pinned.hint")}
          rules={[
            {
              validator: (_, text: string | undefined) =>
                isKeys(text, "note") ? Promise.resolve() : Promise.reject(new Error(t("proof.pinned.bad"))),
            },
          ]}
        >
          <Input.TextArea className="mono" autoSize={{ minRows: 3, maxRows: 8 }} spellCheck={false} />
        </Form.Item>
        <div>
          <Form.Item
            name="witnesses"
            label={t("proof.witnesses")}
            extra={t("proof.witnesses.hint")}
            rules={[
              {
                validator: (_, text: string | undefined) =>
                  isKeys(text, "cosignature")
                    ? Promise.resolve()
                    : Promise.reject(new Error(t("proof.witnesses.bad"))),
              },
            ]}
          >
            <Input.TextArea className="mono" autoSize={{ minRows: 2, maxRows: 8 }} spellCheck={false} />
          </Form.Item>
          <Form.Item name="needed" label={t("proof.needed")} extra={t("proof.needed.hint")}>
            <InputNumber min={1} max={64} precision={0} />
          </Form.Item>
        </div>
      </Form>
      <Drop onFile={file} disabled={running}>
        <Button
          type="primary"
          icon={<ShieldCheck size={14} aria-hidden />}
          loading={running}
          onClick={() => void begin(t("proof.now.what"), verifiableExport)}
        >
          {t("proof.now")}
        </Button>
        <Chooser label={t("proof.file")} accept=".ndjson,.json,.txt" onFile={file} disabled={running} />
        <span className="muted">{t("proof.file.hint")}</span>
      </Drop>
      <div role="status" className="proof-run">
        {running && (
          <>
            <span>{t("proof.progress", { number: number(run.entries) })}</span>
            <Button onClick={cancel}>{t("proof.cancel")}</Button>
          </>
        )}
        {run.state === "cancelled" && <Alert type="info" showIcon title={t("proof.cancelled")} />}
        {run.state === "done" && <Said verdict={run.verdict} what={run.what} />}
      </div>
      {run.state === "failed" && <ProblemAlert error={run.error} />}
    </Panel>
  );
}

interface ChooserProps {
  label: string;
  accept: string;
  disabled?: boolean;
  onFile: (file: File) => unknown;
}

/** A button that asks for a file of this machine. */
function Chooser({ label, accept, disabled = false, onFile }: ChooserProps) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <Button
        icon={<FileCheck2 size={14} aria-hidden />}
        disabled={disabled}
        onClick={() => input.current?.click()}
      >
        {label}
      </Button>
      <input
        ref={input}
        type="file"
        hidden
        className="proof-file"
        aria-label={label}
        accept={accept}
        onChange={({ target }) => {
          const [one] = target.files ?? [];
          if (one) onFile(one);
          // The same file, chosen again, is looked at again.
          target.value = "";
        }}
      />
    </>
  );
}

interface DropProps {
  disabled: boolean;
  onFile: (file: File) => unknown;
  children: ReactNode;
}

/** Where a file may be dropped, for whoever has a mouse; the button within is for everybody. */
function Drop({ disabled, onFile, children }: DropProps) {
  const [over, setOver] = useState(false);
  return (
    <div
      className={`proof-drop ${over ? "proof-over" : ""}`}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(!disabled);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        const [one] = event.dataTransfer.files;
        if (one && !disabled) onFile(one);
      }}
    >
      {children}
    </div>
  );
}
