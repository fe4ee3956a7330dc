import { Button, Dropdown } from "antd";
import { Check, Languages, Monitor, Moon, Sun } from "lucide-react";
import { useTranslation } from "react-i18next";
import { setPrefs, useDark, usePrefs, type ThemeChoice } from "../prefs";

/** Language and appearance: on every page, signed in or not. */
export function Controls() {
  const { t } = useTranslation();
  const { language, theme } = usePrefs();
  const isDark = useDark();
  const other = language === "zh-CN" ? "en" : "zh-CN";
  const choices: { key: ThemeChoice; Icon: typeof Sun }[] = [
    { key: "system", Icon: Monitor },
    { key: "light", Icon: Sun },
    { key: "dark", Icon: Moon },
  ];
  return (
    <>
      <Button
        type="text"
        icon={<Languages size={15} aria-hidden />}
        lang={other}
        onClick={() => setPrefs({ language: other })}
      >
        {other === "en" ? "English" : "中文"}
      </Button>
      <Dropdown
        trigger={["click"]}
        placement="bottomRight"
        menu={{
          selectedKeys: [theme],
          items: choices.map(({ key, Icon }) => ({
            key,
            icon: <Icon size={14} aria-hidden />,
            label: (
              <span className="choice">
                {t(`prefs.theme.${key}`)}
                {key === theme && <Check size={14} aria-hidden />}
              </span>
            ),
          })),
          onClick: ({ key }) => setPrefs({ theme: key as ThemeChoice }),
        }}
      >
        <Button
          type="text"
          aria-label={`${t("prefs.theme")}: ${t(`prefs.theme.${theme}`)}`}
          aria-haspopup="menu"
          icon={isDark ? <Moon size={15} aria-hidden /> : <Sun size={15} aria-hidden />}
        />
      </Dropdown>
    </>
  );
}
