/**
 * The text of a file of kernels/ with all its planted errors in it, each behind a switch: `$mutation.active` is the number of
 * the one that counts, and `$mutation.hits` holds which functions have run.
 */
import ts from 'typescript';
import { changesAt, isSpared, type Change } from './mutants';
import { byHand } from './planted';

/** A function by its place, or a number or list outside functions (`variable`), which counts when its file is loaded. */
export interface Place {
  readonly id: number;
  readonly file: string;
  readonly start: number;
  readonly name: string;
  readonly variable: boolean;
}

export interface Mutant {
  readonly id: number;
  readonly place: Place;
  readonly line: number;
  /** The line. */
  readonly text: string;
  readonly before: string;
  readonly after: string;
}

export interface Instrumented {
  readonly text: string;
  readonly mutants: readonly Mutant[];
}

export const isFunction = (node: ts.Node): node is ts.FunctionLikeDeclaration & { body: ts.ConciseBody } =>
  ts.isFunctionLike(node) && 'body' in node && node.body !== undefined;

/** `const x = …` of a file, no function. */
export const isConstant = (node: ts.Node): node is ts.VariableDeclaration & { initializer: ts.Expression } =>
  ts.isVariableDeclaration(node) &&
  ts.isSourceFile(node.parent.parent.parent) &&
  node.initializer !== undefined &&
  !isFunction(node.initializer);

function nameOf(node: ts.Node): string {
  for (let at: ts.Node | undefined = node; at && !ts.isSourceFile(at); at = at.parent) {
    if (!ts.isVariableDeclaration(at) && !isFunction(at) && !ts.isPropertyAssignment(at)) continue;
    if (at.name && (ts.isIdentifier(at.name) || ts.isStringLiteral(at.name))) return at.name.text;
  }
  return 'file';
}

/** Every place of a file, in the order of its text, numbered from `first`. */
export function placesOf(file: ts.SourceFile, path: string, first: number): readonly Place[] {
  const places: Place[] = [];
  const walk = (node: ts.Node): void => {
    if (isFunction(node) || isConstant(node)) {
      const start = node.getStart(file);
      places.push({ id: first + places.length, file: path, start, name: nameOf(node), variable: isConstant(node) });
    }
    ts.forEachChild(node, walk);
  };
  walk(file);
  return places;
}

/** `planted` says in which places errors are planted; they are numbered from `firstMutant`. */
export function instrument(
  file: ts.SourceFile,
  places: readonly Place[],
  planted: (place: Place) => boolean,
  checker: ts.TypeChecker,
  firstMutant: number,
): Instrumented {
  const mutants: Mutant[] = [];
  const source = file.text;
  const placeAt = new Map(places.map((place) => [place.start, place]));

  const numbered = (place: Place, { start, end, replacement }: Change): number => {
    const id = firstMutant + mutants.length;
    const { line } = file.getLineAndCharacterOfPosition(start);
    const text = source.split('\n')[line]!.trim();
    mutants.push({ id, place, line: line + 1, text, before: source.slice(start, end), after: replacement });
    return id;
  };

  /** The text of `node` with everything inside it planted. */
  const emit = (node: ts.Node, around: Place | undefined): string => {
    const start = node.getStart(file);
    if (isSpared(node)) return source.slice(start, node.end);
    const own = isFunction(node) || isConstant(node) ? placeAt.get(start)! : around;
    let text = '';
    let at = start;
    ts.forEachChild(node, (child) => {
      const inside = emit(child, own);
      text += source.slice(at, child.getStart(file));
      text += isFunction(node) && child === node.body ? counted(child, inside, own!) : inside;
      at = child.end;
    });
    text += source.slice(at, node.end);
    if (own === undefined || !planted(own) || !isReplaceable(node)) return text;
    const condition = ts.isIfStatement(node.parent) && node.parent.expression === node ? [negation(node)] : [];
    const changes = [...changesAt(node, file, checker), ...condition, ...handmade(node)];
    const switches = changes.map((change) => `$m.active === ${numbered(own, change)} ? (${change.replacement}) : `);
    return changes.length === 0 ? text : `(${switches.join('')}(${text}))`;
  };

  const negation = (node: ts.Node): Change => ({
    start: node.getStart(file),
    end: node.end,
    replacement: `!(${node.getText(file)})`,
  });

  const handmade = (node: ts.Node): readonly Change[] =>
    byHand
      .filter((each) => each.file === places[0]?.file && each.text === node.getText(file))
      .map(({ instead }) => ({ start: node.getStart(file), end: node.end, replacement: instead }));

  /** The body of a function that says that it ran. */
  const counted = (body: ts.Node, text: string, { id }: Place): string =>
    ts.isBlock(body) ? `{ $m.hits[${id}] = 1; ${text.slice(1)}` : `($m.hits[${id}] = 1, ${text})`;

  return { text: `const $m = globalThis.$mutation;\n${emit(file, undefined)}`, mutants };
}

/** An expression whose value may be replaced: no target of an assignment, no name, no pattern. */
function isReplaceable(node: ts.Node): boolean {
  if (!ts.isExpression(node)) return false;
  const { parent } = node;
  if (ts.isPropertyAssignment(parent) && parent.name === node) return false;
  const assigned =
    ts.isBinaryExpression(parent) &&
    parent.left === node &&
    parent.operatorToken.kind >= ts.SyntaxKind.FirstAssignment &&
    parent.operatorToken.kind <= ts.SyntaxKind.LastAssignment;
  return !assigned && !(ts.isForOfStatement(parent) && parent.initializer === node);
}
