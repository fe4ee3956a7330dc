/** Without what a terminal would have acted on: escape sequences, and text that a lone carriage return overwrote. */
export function clean(raw: string): string {
  return (
    raw
      // eslint-disable-next-line no-control-regex
      .replace(/\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])/g, "")
      .replace(/\r+\n/g, "\n")
      .replace(/^.*\r(?!\n)/gm, "")
      // eslint-disable-next-line no-control-regex
      .replace(/[\x00-\x08\x0b-\x1f\x7f]/g, "")
      .trimEnd()
  );
}
