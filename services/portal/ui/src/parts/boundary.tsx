import { Button, Result } from "antd";
import { Component, type ReactNode } from "react";
import i18n from "../i18n";

/** The last resort: says so, instead of an empty page. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { error: unknown }> {
  override state: { error: unknown } = { error: undefined };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    return this.state.error === undefined ? this.props.children : <Crash error={this.state.error} />;
  }
}

/** A page that stopped. A chunk that cannot be loaded is an updated portal, not a fault of the page. */
export function Crash({ error }: { error: unknown }) {
  const updated =
    error instanceof TypeError && /dynamically imported|importing a module/i.test(error.message);
  return (
    <Result
      status={updated ? "info" : "error"}
      title={updated ? i18n.t("app.updated") : i18n.t("problem.crash")}
      subTitle={updated || !(error instanceof Error) ? undefined : error.message}
      extra={
        <Button type="primary" onClick={() => location.reload()}>
          {i18n.t("app.reload")}
        </Button>
      }
    />
  );
}
