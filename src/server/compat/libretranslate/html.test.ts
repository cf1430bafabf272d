import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { plainText, translatableHtml } from './html.ts'

const textsOf = (html: string): string[] => translatableHtml(html).texts

/** As translated by one that makes all letters large, but for what stands for markup. */
function shout(html: string): string {
  const document = translatableHtml(html)
  return document.join(
    document.texts.map((text) =>
      text.replace(/<\/?t+\d+>|[^<]+|</g, (one) => (/^<./.test(one) ? one : one.toUpperCase())),
    ),
  )
}

describe('what is to be translated', () => {
  it.each<[string, string, string[]]>([
    ['text alone', 'I have no time.', ['I have no time.']],
    ['blocks', '<h1>Head</h1><p>One. Two.</p>\n<ul><li>a<li>b</ul>', ['Head', 'One. Two.', 'a', 'b']],
    ['lines that are broken off', 'One<br>two<BR/>three', ['One', 'two', 'three']],
    ['a line that is folded', '<p>I have\r\n   no time.</p>', ['I have no time.']],
    ['preformatted lines', '<pre>One\n  two</pre>', ['One\n  two']],
    [
      'references',
      'caf&eacute; &#8222;A&#x201C; don&#39;t &quot;x&quot; &amp; y',
      ['café „A“ don\'t "x" & y'],
    ],
    ['references of old pages', 'it&#146;s', ['it’s']],
    ['a reference to no character', 'a&#xD800;b&#0;', ['a\ufffdb\ufffd']],
    ['nothing to read', '<p> </p>&nbsp;<hr>— …', []],
    ['nothing at all', '', []],
    ['less than', 'a < b > c, x<3', ['a < b > c, x<3']],
    ['markup within a sentence', 'I <b>am</b> here', ['I <t0>am</t1> here']],
    ['code', 'Use <code>npm <b>start</b></code> now.', ['Use <t0> now.']],
    ['an element that is not to be translated', '<i translate="no">Not <i>I</i></i> you', ['<t0> you']],
    ['a comment', 'A<!-- <b> > --> b', ['A<t0> b']],
    ['a comment without an end', 'A <!-- b', ['A <t0>']],
    ['a script', 'One<script>if (a<b) "</p>"</script>two', ['One', 'two']],
    ['a style without an end', 'One<style>p { color: red }', ['One']],
    ['quotes within a tag', '<a title="a > b" href=\'>\'>link</a>', ['<t0>link</t1>']],
    ['a name that is not known', '&there4; so', ['<t0> so']],
    ['what looks like a tag of ours', '&lt;t0&gt; is <b>kept</b>', ['<t0> is <tt0>kept</tt1>']],
    ['a document', '<!DOCTYPE html><title>One</title><meta name=a><body>Two', ['One', 'Two']],
  ])('%s', (_, html, texts) => {
    expect(textsOf(html)).toEqual(texts)
  })

  it('the language is told by what a reader sees', () => {
    expect(translatableHtml('<p class="one">Guten <b>Tag</b>!</p><p>Ja.</p>').visible).toBe('Guten Tag!\nJa.')
  })

  it.each([
    ['tags without an end', '<a'.repeat(25_000)],
    ['quotes without an end', `<a "${"<a '".repeat(12_000)}`],
    ['comments without an end', '<!-'.repeat(16_000)],
    ['scripts', '<script>'.repeat(6_000)],
    ['code in code', '<code>'.repeat(8_000)],
    ['references', '&#x41;'.repeat(8_000)],
  ])('reads 50,000 characters of %s in no time', (_, html) => {
    const start = performance.now()
    const { texts, join } = translatableHtml(html)
    join(texts)
    expect(performance.now() - start).toBeLessThan(1_000)
  })
})

describe('what becomes of it', () => {
  it.each<[string, string, string]>([
    ['markup', '<p class="a b">I <b>am</b> here</p>', '<p class="a b">I <b>AM</b> HERE</p>'],
    ['references', 'caf&eacute; &amp; a &lt; b&nbsp;c', 'CAFÉ &amp; A &lt; B&nbsp;C'],
    ['a reference that is text', '&amp;lt; is less', '&amp;LT; IS LESS'],
    ['tags that are text', '&lt;i&gt; is a tag', '&lt;I&gt; IS A TAG'],
    ['an ampersand that is none', 'Q & A', 'Q &amp; A'],
    ['white space', '<p>\n  One\n</p>\n\n<p>two </p>', '<p>\n  ONE\n</p>\n\n<p>TWO </p>'],
    ['what is not language', '<hr>&copy;<code>a&lt;b</code><br>b', '<hr>&copy;<code>a&lt;b</code><br>B'],
  ])('%s', (_, html, expected) => {
    expect(shout(html)).toBe(expected)
  })

  it('a tag that the translation made up is text', () => {
    expect(translatableHtml('I <b>am</b>').join(['<b>x</b> <t0>y</t1> <t7>'])).toBe(
      '&lt;b&gt;x&lt;/b&gt; <b>y</b> &lt;t7&gt;',
    )
  })

  it('loses no markup and no word, whatever the document', () => {
    const piece = fc.constantFrom(
      ...[
        '<p>',
        '</p>',
        '<b class="x > y">',
        '</b>',
        '<br/>',
        '<code>',
        '</code>',
        '<!-- c -->',
        '<script>',
        '</script>',
      ],
      ...['&amp;', '&lt;', '&eacute;', '&nope;', '<', '>', '&', '<t0>', '\n', ' ', 'word', '"', "'"],
    )
    const markupOf = (html: string) =>
      html.match(/<\/?(p|b|br|code|script)\b[^<]*?>(?=[^"]*)|<!-- c -->|&nope;/g)
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        const html = pieces.join('')
        const document = translatableHtml(html)
        const joined = document.join(document.texts)
        expect(markupOf(joined)).toEqual(markupOf(html))
        expect(joined.match(/word/g)).toEqual(html.match(/word/g))
        // Read again, it says the same.
        const again = translatableHtml(joined)
        expect(again.texts).toEqual(document.texts)
        expect(again.join(again.texts)).toBe(joined)
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('plainText', () => {
  it('is one text, or none to translate', () => {
    expect(plainText('a < b').texts).toEqual(['a < b'])
    expect(plainText('a').join(['<'])).toBe('<')
    expect(plainText(' 😀\n').texts).toEqual([])
    expect(plainText(' 😀\n').join([])).toBe(' 😀\n')
  })
})
