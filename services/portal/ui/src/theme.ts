/** Colours and measures. styles.css reads the same tokens as CSS variables, so each value is written once. */
import { theme, type ThemeConfig } from "antd";

/** The class on <html> under which antd publishes its tokens as CSS variables. */
export const TOKENS = "yunshu-tokens";

const shared: ThemeConfig = {
  cssVar: { key: TOKENS, prefix: "ant" },
  hashed: false,
};

const measures = {
  fontFamily:
    'Inter, system-ui, -apple-system, "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "WenQuanYi Micro Hei", sans-serif',
  fontFamilyCode:
    'ui-monospace, "SF Mono", "JetBrains Mono", Menlo, Consolas, "DejaVu Sans Mono", "Noto Sans Mono CJK SC", monospace',
  fontSize: 13,
  controlHeight: 32,
  borderRadius: 5,
  wireframe: false,
  motionDurationMid: "0.12s",
  motionDurationSlow: "0.16s",
};

const components: ThemeConfig["components"] = {
  Table: { cellPaddingBlock: 9, cellPaddingInline: 12, headerSplitColor: "transparent" },
  Alert: { withDescriptionPadding: "10px 14px", withDescriptionIconSize: 18 },
  Form: { itemMarginBottom: 18, verticalLabelPadding: "0 0 4px" },
  Button: { primaryShadow: "none", defaultShadow: "none", dangerShadow: "none", fontWeight: 500 },
  Card: { bodyPadding: 16, headerHeight: 44 },
};

// Celadon on paper. Secondary text keeps 4.5:1 on both surfaces.
export const light: ThemeConfig = {
  ...shared,
  algorithm: theme.defaultAlgorithm,
  token: {
    ...measures,
    colorPrimary: "#0d6f6a",
    colorInfo: "#0d6f6a",
    colorSuccess: "#1f7a3d",
    colorWarning: "#9a6200",
    colorError: "#b8322a",
    colorLink: "#0b6662",
    colorTextBase: "#15201f",
    // antd derives tints from a dark seed as greys; these are the tints meant.
    colorPrimaryBg: "#e3f0ef",
    colorPrimaryBgHover: "#d3e7e5",
    colorInfoBg: "#e8f3f2",
    colorInfoBorder: "#b5d6d3",
    colorSuccessBg: "#ecf6ef",
    colorSuccessBorder: "#b9dbc3",
    colorWarningBg: "#fdf6e7",
    colorWarningBorder: "#e8cf98",
    colorErrorBg: "#fdf1f0",
    colorErrorBorder: "#ecbfba",
    colorBgLayout: "#f3f5f4",
    colorBgContainer: "#ffffff",
    colorBorder: "#c5cecc",
    colorBorderSecondary: "#e1e6e5",
    colorTextSecondary: "#4a5856",
    colorTextTertiary: "#5a6866",
    colorTextDescription: "#566462",
    colorTextPlaceholder: "#667371",
  },
  components: { ...components, Table: { ...components.Table, headerBg: "#f8faf9", headerColor: "#4a5856" } },
};

// Ink. Surfaces differ by lightness, not by shadow.
export const dark: ThemeConfig = {
  ...shared,
  algorithm: theme.darkAlgorithm,
  token: {
    ...measures,
    colorPrimary: "#1b8a83",
    colorInfo: "#35a89f",
    colorSuccess: "#4cb374",
    colorWarning: "#d9a13b",
    colorError: "#ff8078",
    colorLink: "#5cc4bb",
    colorLinkHover: "#86d8d1",
    colorTextBase: "#e6edeb",
    colorBgBase: "#0e1413",
    colorBgLayout: "#0e1413",
    colorBgContainer: "#151d1c",
    colorBgElevated: "#1c2625",
    colorBorder: "#37444299",
    colorBorderSecondary: "#263230",
    colorTextSecondary: "#b3c0bd",
    colorTextTertiary: "#a0aeab",
    colorTextDescription: "#a3b1ae",
    colorTextPlaceholder: "#8d9b98",
  },
  components: {
    ...components,
    Table: { ...components.Table, headerBg: "#1a2322", headerColor: "#b3c0bd" },
    Button: {
      ...components.Button,
      colorPrimary: "#177a74",
      colorPrimaryHover: "#1b8a83",
      dangerColor: "#ffffff",
      borderColorDisabled: "#2c3836",
    },
  },
};
