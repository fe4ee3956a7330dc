/** A cloud whose base opens on a hinge, the pivot (枢) of 云枢. */
export function Mark({ size = 26 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" fill="none" aria-hidden="true" className="mark">
      <path d="M9.2 23.5a6.2 6.2 0 0 1-.9-12.3A8.6 8.6 0 0 1 24.7 13a5.4 5.4 0 0 1-.6 10.5" />
      <path className="mark-arm" d="M16 20.2 22.6 13.6" />
      <circle cx="16" cy="21.6" r="3.1" />
    </svg>
  );
}

export function Brand() {
  return (
    <span className="brand">
      <Mark />
      <span className="brand-name" lang="zh-CN">
        云枢
      </span>
      <span className="brand-latin" lang="en">
        Yunshu
      </span>
    </span>
  );
}

/** The sweep of the hinge, behind the sign-in card. */
export function Arcs() {
  return (
    <svg className="door-arcs" viewBox="0 0 1440 900" preserveAspectRatio="xMidYMid slice" aria-hidden="true">
      {[150, 260, 390, 540, 710, 900].map((radius) => (
        <circle key={radius} cx="250" cy="800" r={radius} />
      ))}
      <path d="M250 800 886 164" />
    </svg>
  );
}
