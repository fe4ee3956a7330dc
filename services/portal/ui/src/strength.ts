/** How well a password stands up to guessing. Heavy with word lists: loaded where a password is chosen, and not before. */
import { ZxcvbnFactory } from "@zxcvbn-ts/core";
import { adjacencyGraphs, dictionary as common } from "@zxcvbn-ts/language-common";
import { dictionary as english } from "@zxcvbn-ts/language-en";

const estimator = new ZxcvbnFactory({
  dictionary: { ...common, ...english },
  graphs: adjacencyGraphs,
});

/** 0 to 4; the server takes 3 and more. `about` is what attackers know of the person. */
export function strength(password: string, about: string[]): number {
  return estimator.check(password.slice(0, 128), [...about, "yunshu", "云枢"]).score;
}
