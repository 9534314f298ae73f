/** One prompt of a task as the model reads it: its tokens with the roles of their positions. */
import type { TokensSection } from '../../../protocol/sections/tokens';
import { quotedToken } from '../../../protocol/wire/token-name';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { Sample } from '../../tasks/task';
import { answerWords } from './sections';

/** `meanings`: of the roles, by name. */
export function promptSection(
  model: Pick<ModelRunner, 'pieces'>,
  { prompt, counterpart, answers, counterpartAnswers, roles }: Sample,
  meanings: Readonly<Record<string, string>>,
): TokensSection {
  // A position of several roles shows the one of fewest positions: the needle within what is changed.
  const names = Object.keys(roles)
    .filter((name) => (roles[name] ?? []).length > 0)
    .sort((a, b) => (roles[b]?.length ?? 0) - (roles[a]?.length ?? 0));
  const of = prompt.ids.map(() => -1);
  names.forEach((name, index) => roles[name]?.forEach((position) => (of[position] = index)));
  const shown = names.map((name) => (meanings[name] === undefined ? name : `${name}: ${meanings[name]}`));
  const other = counterpart
    ? ` Counterpart${counterpartAnswers ? ` (right: ${answerWords(counterpartAnswers.texts.right)})` : ''}: ${differing(model, prompt.ids, counterpart.ids)}.`
    : '';
  return {
    kind: 'tokens',
    id: 'prompt',
    title: `Prompt of ${prompt.ids.length} tokens`,
    caption: `Right: ${answerWords(answers.texts.right)}.${other}`,
    tokens: model.pieces(prompt.ids),
    numbers: [],
    classes: { names: shown, of },
  };
}

/** Tokens in which the two differ that are named. */
const mostNamed = 8;

function differing(model: Pick<ModelRunner, 'pieces'>, ids: readonly number[], other: readonly number[]): string {
  const at = ids.flatMap((id, position) => (id === other[position] ? [] : [position]));
  if (at.length === 0) return 'the same tokens';
  const words = at.slice(0, mostNamed).map((position) => {
    const [from = '', to = ''] = model.pieces([ids[position] ?? 0, other[position] ?? 0]);
    return `token ${position} is ${quotedToken(to)} instead of ${quotedToken(from)}`;
  });
  return words.join(', ') + (at.length > mostNamed ? `, and ${at.length - mostNamed} more` : '');
}
