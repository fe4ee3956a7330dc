import { createRoot } from "react-dom/client";
import { restore } from "./api/session";
import { Portal } from "./app";
import "./i18n";
import "./styles.css";

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");

// Asked once, outside React: a second call would spend the refresh token twice.
createRoot(root).render(<Portal restored={restore()} />);
