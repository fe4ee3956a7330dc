import { Link, type LinkProps } from "@tanstack/react-router";

/** The pages that belong together, under their common heading. */
export function SubNav({ label, items }: { label: string; items: { to: LinkProps["to"]; text: string }[] }) {
  return (
    <nav className="sub-nav" aria-label={label}>
      <ul>
        {items.map(({ to, text }) => (
          <li key={to}>
            <Link
              to={to}
              activeOptions={{ exact: true, includeSearch: false }}
              activeProps={{ className: "sub-here", "aria-current": "page" }}
            >
              {text}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}
