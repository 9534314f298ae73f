/**
 * The errors that are planted in one function: each is a piece of its text and what stands there instead.
 *
 * Arithmetic (+ - * / % **, unary minus), the boundary of a comparison and its equality, && and ||, a negated condition,
 * integers +-1 and other numbers doubled, Math.floor, ceil, round and abs left out, min for max, neighbouring arguments or
 * elements of one type exchanged. Not planted: what only decides whether an error is thrown, numbers for an
 * index outside a list, and texts.
 */
import ts from 'typescript';

export interface Change {
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
}

const arithmetic: Readonly<Partial<Record<ts.SyntaxKind, string>>> = {
  [ts.SyntaxKind.PlusToken]: '-',
  [ts.SyntaxKind.MinusToken]: '+',
  [ts.SyntaxKind.AsteriskToken]: '/',
  [ts.SyntaxKind.SlashToken]: '*',
  [ts.SyntaxKind.PercentToken]: '*',
  [ts.SyntaxKind.AsteriskAsteriskToken]: '*',
  [ts.SyntaxKind.PlusEqualsToken]: '-=',
  [ts.SyntaxKind.MinusEqualsToken]: '+=',
  [ts.SyntaxKind.AsteriskEqualsToken]: '/=',
  [ts.SyntaxKind.SlashEqualsToken]: '*=',
};

const comparisons: Readonly<Partial<Record<ts.SyntaxKind, string>>> = {
  [ts.SyntaxKind.LessThanToken]: '<=',
  [ts.SyntaxKind.LessThanEqualsToken]: '<',
  [ts.SyntaxKind.GreaterThanToken]: '>=',
  [ts.SyntaxKind.GreaterThanEqualsToken]: '>',
  [ts.SyntaxKind.EqualsEqualsEqualsToken]: '!==',
  [ts.SyntaxKind.ExclamationEqualsEqualsToken]: '===',
  [ts.SyntaxKind.AmpersandAmpersandToken]: '||',
  [ts.SyntaxKind.BarBarToken]: '&&',
};

const commutative = new Set(['add', 'multiply', 'max', 'min', 'imul']);
const leftOut = new Set(['floor', 'ceil', 'round', 'abs']);
const opposite: Readonly<Record<string, string>> = { min: 'max', max: 'min' };

/** Whether nothing but the throwing of an error hangs on it. */
const onlyGuards = (node: ts.Node): boolean =>
  ts.isThrowStatement(node) ||
  (ts.isIfStatement(node) &&
    !node.elseStatement &&
    (ts.isThrowStatement(node.thenStatement) ||
      (ts.isBlock(node.thenStatement) && node.thenStatement.statements.every(ts.isThrowStatement))));

/** The errors of which `node` itself is the place, those inside it not among them. */
export function changesAt(node: ts.Node, file: ts.SourceFile, checker: ts.TypeChecker): readonly Change[] {
  const text = (part: ts.Node) => part.getText(file);
  const instead = (replacement: string): Change => ({ start: node.getStart(file), end: node.end, replacement });
  const isNumber = (part: ts.Node) => (checker.getTypeAtLocation(part).flags & ts.TypeFlags.NumberLike) !== 0;

  if (ts.isBinaryExpression(node)) {
    const { left, operatorToken: operator, right } = node;
    const planted =
      comparisons[operator.kind] ?? (isNumber(left) && isNumber(right) ? arithmetic[operator.kind] : undefined);
    return planted === undefined ? [] : [instead(`${text(left)} ${planted} ${text(right)}`)];
  }
  if (ts.isPrefixUnaryExpression(node)) {
    const { operator, operand } = node;
    return operator === ts.SyntaxKind.MinusToken || operator === ts.SyntaxKind.ExclamationToken
      ? [instead(`(${text(operand)})`)]
      : [];
  }
  if (ts.isNumericLiteral(node)) {
    const number = Number(node.text);
    return Number.isInteger(number) && !/e/.test(text(node))
      ? [instead(String(number + 1)), instead(number === 0 ? '(-1)' : String(number - 1))]
      : [instead(`(2 * ${text(node)})`)];
  }
  if (ts.isConditionalExpression(node)) {
    return [instead(`!(${text(node.condition)}) ? ${text(node.whenTrue)} : ${text(node.whenFalse)}`)];
  }
  if (ts.isCallExpression(node)) {
    const { expression, arguments: given } = node;
    const name = ts.isPropertyAccessExpression(expression) ? expression.name.text : text(expression);
    const ofMath = ts.isPropertyAccessExpression(expression) && text(expression.expression) === 'Math';
    if (ofMath && leftOut.has(name)) return [instead(`(${text(given[0]!)})`)];
    if (ofMath && name in opposite) {
      return [instead(`Math.${opposite[name]!}(${given.map(text).join(', ')})`)];
    }
    return commutative.has(name) ? [] : exchanges(given, (list) => instead(`${text(expression)}(${list})`));
  }
  if (ts.isArrayLiteralExpression(node)) return exchanges(node.elements, (list) => instead(`[${list}]`));
  return [];

  /** Neighbours of one type change places. */
  function exchanges(parts: readonly ts.Expression[], change: (list: string) => Change): readonly Change[] {
    const typeOf = (part: ts.Expression) =>
      checker.typeToString(checker.getBaseTypeOfLiteralType(checker.getTypeAtLocation(part)));
    const unfit = (part: ts.Expression) =>
      ts.isSpreadElement(part) || ts.isArrowFunction(part) || ts.isStringLiteral(part);
    return parts.slice(1).flatMap((part, at) => {
      const before = parts[at]!;
      if (unfit(part) || unfit(before) || text(part) === text(before) || typeOf(part) !== typeOf(before)) return [];
      const list = parts.map(text);
      [list[at], list[at + 1]] = [list[at + 1]!, list[at]!];
      return [change(list.join(', '))];
    });
  }
}

/** The number of `list[at] ?? 0`, which types ask for and no index inside the list reaches. */
const isBeyondList = (node: ts.Node): boolean =>
  ts.isNumericLiteral(node) &&
  ts.isBinaryExpression(node.parent) &&
  node.parent.right === node &&
  node.parent.operatorToken.kind === ts.SyntaxKind.QuestionQuestionToken &&
  ts.isElementAccessExpression(node.parent.left);

/** Parts in which nothing is planted. */
export const isSpared = (node: ts.Node): boolean =>
  onlyGuards(node) ||
  isBeyondList(node) ||
  ts.isTypeNode(node) ||
  ts.isTemplateExpression(node) ||
  ts.isTypeAliasDeclaration(node) ||
  ts.isInterfaceDeclaration(node) ||
  ts.isImportDeclaration(node) ||
  ts.isEnumDeclaration(node);
