/** What a client calls itself (RFC 9110's User-Agent), as people name it: "Chromium · Linux". */
const BROWSERS: [RegExp, string][] = [
  [/\bEdg(?:e|A|iOS)?\/(\d+)/, "Edge"],
  [/\bOPR\/(\d+)/, "Opera"],
  [/\b(?:Firefox|FxiOS)\/(\d+)/, "Firefox"],
  [/\bHeadlessChrome\/(\d+)/, "Chrome"],
  [/\b(?:Chrome|CriOS)\/(\d+)/, "Chrome"],
  [/\bVersion\/(\d+)\S* (?:Mobile\/\S+ )?Safari\//, "Safari"],
];
// iPads and phones name macOS and Linux as well, so they come first.
const SYSTEMS: [RegExp, string][] = [
  [/\b(?:iPhone|iPad)\b/, "iOS"],
  [/\bAndroid\b/, "Android"],
  [/\bWindows\b/, "Windows"],
  [/\bMac OS X\b/, "macOS"],
  [/\bCrOS\b/, "ChromeOS"],
  [/\bLinux\b/, "Linux"],
];

export function device(agent: string): string | undefined {
  const [browser] = BROWSERS.flatMap(([pattern, name]) => {
    const version = pattern.exec(agent)?.[1];
    return version ? [`${name} ${version}`] : [];
  });
  const system = SYSTEMS.find(([pattern]) => pattern.test(agent))?.[1];
  // A tool says its own name first: `curl/8.5.0`.
  const tool = browser ?? /^[\w.-]+(?:\/[\w.-]+)?/.exec(agent)?.[0];
  return [tool, system].filter(Boolean).join(" · ") || undefined;
}
