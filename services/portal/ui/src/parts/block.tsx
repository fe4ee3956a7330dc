import type { ReactNode } from "react";

interface Props {
  title: string;
  hint?: string;
  /** What can be done to the list as a whole. */
  actions?: ReactNode;
  children: ReactNode;
}

/** A part of a page with a list in it: its heading stands outside the list's own panel. */
export function Block({ title, hint, actions, children }: Props) {
  return (
    <section className="block" aria-label={title}>
      <div className="block-head">
        <div>
          <h2>{title}</h2>
          {hint && <p className="muted">{hint}</p>}
        </div>
        {actions && <div className="page-actions">{actions}</div>}
      </div>
      {children}
    </section>
  );
}
