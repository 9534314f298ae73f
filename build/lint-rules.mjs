// Rules of Headscope's own for oxlint (oxlint.config.mjs): a selector of syntax, and what to write instead.
const rules = {
  /** TypeScript's `private` is the one syntax of private members. */
  'one-private-syntax': {
    selector: 'PrivateIdentifier',
    message: 'Write `private name`, as the other members do.',
  },
  /** "wx" makes a file that is not there; "r+" changes one that was opened knowingly. */
  'no-overwriting-open': {
    selector: 'CallExpression[callee.name=/^open(Sync)?$/] > Literal[value=/^(w|a|w\\+|a\\+)$/]',
    message: 'Opening a file this way overwrites it: use what files/ has, or "wx".',
  },
  /** V8 quotes the text around a fault, and a file may be none of ours: a link leads to it, and a CI log shows the words. */
  'no-quoted-json': {
    selector:
      'TryStatement:has(CallExpression[callee.object.name="JSON"][callee.property.name="parse"]) > CatchClause[param]',
    message: 'Read JSON by parseJsonText or parseConfig, whose faults are a place and a kind without the text.',
  },
};

const ruleOf = ({ selector, message }) => ({
  create: (context) => ({ [selector]: (node) => context.report({ node, message }) }),
});

export default {
  meta: { name: 'headscope' },
  rules: Object.fromEntries(Object.entries(rules).map(([name, rule]) => [name, ruleOf(rule)])),
};
