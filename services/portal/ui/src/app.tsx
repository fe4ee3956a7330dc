import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { App, Button, ConfigProvider, Result } from "antd";
import enUS from "antd/locale/en_US";
import zhCN from "antd/locale/zh_CN";
import dayjs from "dayjs";
import "dayjs/locale/zh-cn";
import { Suspense, use, useEffect, useLayoutEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { onOwed } from "./api/owed";
import { Problem } from "./api/problem";
import { me } from "./api/queries";
import { onTurn, refresh } from "./api/session";
import { useDark, usePrefs } from "./prefs";
import { ErrorBoundary } from "./parts/boundary";
import { Waiting } from "./parts/page";
import { makeRouter } from "./router";
import { dark, light, TOKENS } from "./theme";

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      // What the caller did wrong stays wrong; what the network did may pass.
      retry: (failures, error) => {
        const { status } = Problem.from(error);
        return failures < 2 && (status === 0 || status === 503);
      },
    },
    mutations: { retry: false },
  },
});
const router = makeRouter(client);

export function Portal({ restored }: { restored: Promise<boolean> }) {
  const { language } = usePrefs();
  const isDark = useDark();

  useLayoutEffect(() => {
    document.documentElement.classList.add(TOKENS);
    document.documentElement.style.colorScheme = isDark ? "dark" : "light";
    document.documentElement.dataset["theme"] = isDark ? "dark" : "light";
  }, [isDark]);
  dayjs.locale(language === "zh-CN" ? "zh-cn" : "en");

  return (
    <ConfigProvider
      locale={language === "zh-CN" ? zhCN : enUS}
      theme={isDark ? dark : light}
      // Two Chinese characters on a button are not set apart: it reads as two words to screen readers and tests.
      button={{ autoInsertSpace: false }}
    >
      {/* Longer than antd's three seconds: long enough to be read by whoever looked elsewhere. */}
      <App className="app" message={{ duration: 6 }}>
        <QueryClientProvider client={client}>
          <ErrorBoundary>
            <Suspense fallback={<Waiting />}>
              <Restored restored={restored} />
            </Suspense>
          </ErrorBoundary>
        </QueryClientProvider>
      </App>
    </ConfigProvider>
  );
}

/** Waits for the session to be restored, or for the network that this takes. */
function Restored({ restored }: { restored: Promise<boolean> }) {
  const { t } = useTranslation();
  const [attempt, setAttempt] = useState(() => settle(restored));
  const reachable = use(attempt);

  useEffect(
    () =>
      onTurn(() => {
        // Another person's data must not be seen for a moment, nor survive a sign-out.
        client.clear();
        void router.invalidate();
      }),
    [],
  );

  useEffect(
    () =>
      onOwed(() => {
        // Only what is fresh says what is owed.
        void client.invalidateQueries(me());
        void router.navigate({ to: "/settle" });
      }),
    [],
  );

  if (reachable) return <RouterProvider router={router} />;
  return (
    <Result
      status="warning"
      title={t("app.unreachable")}
      subTitle={t("app.unreachable.hint")}
      extra={
        <Button type="primary" onClick={() => setAttempt(settle(refresh()))}>
          {t("app.retry")}
        </Button>
      }
    />
  );
}

/** Signed in or not, the answer came; a failure to ask is the only bad end. */
function settle(asked: Promise<boolean>): Promise<boolean> {
  return asked.then(
    () => true,
    () => false,
  );
}
