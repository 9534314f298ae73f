/** A token that a person names: by its id, or by its text as it is shown or as it stands in a text. */
import { refusal } from '../../protocol/wire/failures';
import { quotedToken, typedToken } from '../../protocol/wire/token-name';
import type { ModelRunner } from './model-runner';

/**
 * `#17`, `␣Paris` or ` Paris`; undefined where nothing is named. What is shown of a token names that token. Another text names
 * the one token that it is encoded to, e.g. in the lower case of the vocabulary; `behind` gives its tokens where it follows a
 * prompt, and undefined where the tokenizer joins the two.
 */
export function namedToken(
  model: ModelRunner,
  typed: string,
  behind: (text: string) => readonly number[] | undefined = (text) => model.encode(text),
): number | undefined {
  if (typed === '') return undefined;
  const { vocabulary } = model.facts.summary;
  const byId = /^#(\d+)$/u.exec(typed)?.[1];
  if (byId !== undefined) {
    if (Number(byId) < vocabulary) return Number(byId);
    throw refusal(`There is no token #${byId}: the vocabulary has ${vocabulary} tokens, from #0.`);
  }
  const text = typedToken(typed);
  const ids = behind(text);
  const named = model.named(text);
  if (!ids) {
    const spaced = model.named(` ${text}`);
    const next = spaced === undefined ? 'Begin it with a space' : `Write ${quotedToken(` ${text}`)}`;
    const own = named === undefined ? '' : `, or #${named} for the token without a space`;
    throw refusal(`The tokenizer joins ${quotedToken(text)} to the end of the prompt. ${next}${own}.`);
  }
  if (named !== undefined) return named;
  const [only] = ids;
  if (only !== undefined && ids.length === 1) return only;
  const pieces = model.pieces(ids).map(quotedToken).join(', ');
  throw refusal(
    `${quotedToken(text)} is ${ids.length} tokens of this model (${pieces}), and one is needed. Name one of them, or give an id such as #17.`,
  );
}
