/** The API reference: Swagger UI, bundled, over the document that this very gateway serves. */
import SwaggerUIBundle from "swagger-ui-dist/swagger-ui-es-bundle.js";
import "swagger-ui-dist/swagger-ui.css";
import { accessToken, restore } from "../api/session";
import { getPrefs } from "../prefs";
import "./reference.css";

const { theme } = getPrefs();
const dark = theme === "system" ? matchMedia("(prefers-color-scheme: dark)").matches : theme === "dark";
document.documentElement.classList.toggle("dark-mode", dark);

// "Try it out" speaks with the session this tab already has, if it has one.
const session = restore().catch(() => false);

SwaggerUIBundle({
  url: "/api/v1/openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  // Every operation drawn at once takes a slow machine half a minute.
  docExpansion: "none",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  filter: true,
  // The online validator would be sent our document.
  validatorUrl: null,
  requestInterceptor: async (request) => {
    const token = (await session) ? await accessToken() : undefined;
    const ours = new URL(request.url, location.href).origin === location.origin;
    const headers = request["headers"] as Record<string, string>;
    if (token && ours) headers["Authorization"] ??= `Bearer ${token}`;
    return request;
  },
});
