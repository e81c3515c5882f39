// Text -> tokens, for `parser.c`, which includes this and brings the tables of keywords and operators.
//
// Written by hand, since a table of states would say less: what a number may look like, where a string
// ends, which operator is the longest that fits. `mode` is IN_STRING, IN_BLOCK, or the bits of those
// operators that do not fit where the parser is, so that a shorter one is read.

#include <stddef.h>
#include <string.h>

#define LONGEST_KEYWORD 15

static bool is_blank(int32_t c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
static bool is_digit(int32_t c) { return c >= '0' && c <= '9'; }
static bool is_letter(int32_t c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
static bool is_word(int32_t c) { return is_letter(c) || is_digit(c); }

static void advance(TSLexer *lexer) { lexer->advance(lexer, false); }

// The token ends here, unless it is found to be longer.
static void accept(TSLexer *lexer, TSSymbol symbol) {
  lexer->result_symbol = symbol;
  lexer->mark_end(lexer);
}

static bool token(TSLexer *lexer, TSSymbol symbol) {
  accept(lexer, symbol);
  return true;
}

static void skip_digits(TSLexer *lexer) {
  while (is_digit(lexer->lookahead)) advance(lexer);
}

// ------------------------------------------------------------------------------------- in a string

static bool lex_escape(TSLexer *lexer, TSSymbol symbol, bool is_block) {
  advance(lexer);
  if (lexer->eof(lexer) || (lexer->lookahead == '\n' && !is_block)) return false;
  advance(lexer);
  return token(lexer, symbol);
}

// Three quotes end a block, and the text before them first; fewer are text. False where the text goes on.
static bool lex_quotes(TSLexer *lexer, bool *found) {
  for (int count = 1; count < 3; count++) {
    advance(lexer);
    if (lexer->lookahead != '"') {
      *found = true;
      accept(lexer, sym_block_text);
      return false;
    }
  }
  if (*found) return true;
  advance(lexer);
  return token(lexer, anon_sym__22_22_22);
}

static bool lex_string(TSLexer *lexer, bool is_block) {
  TSSymbol text = is_block ? sym_block_text : sym_string_text;
  bool found = false;
  while (!lexer->eof(lexer)) {
    int32_t c = lexer->lookahead;
    if (c == '\\') {
      return found || lex_escape(lexer, is_block ? sym_block_escape : sym_escape, is_block);
    } else if (c == '$') {
      advance(lexer);
      if (lexer->lookahead == '{') {
        if (found) return true;
        advance(lexer);
        return token(lexer, is_block ? sym_block_hole_start : sym_hole_start);
      }
      found = true;
      accept(lexer, text);
    } else if (c == '"' && is_block) {
      if (lex_quotes(lexer, &found)) return true;
    } else if (c == '"') {
      if (found) return true;
      advance(lexer);
      return token(lexer, anon_sym__22);
    } else if (c == '\n' && !is_block) {
      return found;
    } else {
      advance(lexer);
      found = true;
      accept(lexer, text);
    }
  }
  return found;
}

// ----------------------------------------------------------------------------------- outside of one

static bool lex_raw_string(TSLexer *lexer) {
  do {
    advance(lexer);
    if (lexer->eof(lexer) || lexer->lookahead == '\n') return false;
  } while (lexer->lookahead != '\'');
  advance(lexer);
  return token(lexer, sym_raw_string);
}

static bool lex_quote(TSLexer *lexer) {
  advance(lexer);
  accept(lexer, anon_sym__22);
  if (lexer->lookahead != '"') return true;
  advance(lexer);
  if (lexer->lookahead != '"') return true;
  advance(lexer);
  return token(lexer, anon_sym__22_22_22);
}

static bool lex_comment(TSLexer *lexer) {
  bool is_doc = lexer->lookahead == '/';
  while (!lexer->eof(lexer) && lexer->lookahead != '\n') advance(lexer);
  return token(lexer, is_doc ? sym_doc_comment : sym_comment);
}

static bool skip_unit(TSLexer *lexer) {
  int32_t unit = lexer->lookahead;
  if (unit != 'm' && unit != 's' && unit != 'h' && unit != 'd') return false;
  advance(lexer);
  if (unit == 'm' && lexer->lookahead == 's') advance(lexer);
  return true;
}

// The rest of a duration such as `1h30m`, from its first unit on.
static void lex_units(TSLexer *lexer) {
  while (skip_unit(lexer)) {
    if (!is_word(lexer->lookahead)) {
      accept(lexer, sym_duration);
      return;
    }
    if (!is_digit(lexer->lookahead)) return;
    skip_digits(lexer);
    if (lexer->lookahead == '.') {
      advance(lexer);
      skip_digits(lexer);
    }
  }
}

static bool lex_number(TSLexer *lexer) {
  bool is_plain = true;  // without the `_` that a duration may not have
  for (; is_digit(lexer->lookahead) || lexer->lookahead == '_'; advance(lexer)) {
    is_plain = is_plain && lexer->lookahead != '_';
  }
  accept(lexer, sym_int);
  if (lexer->lookahead == '.') {
    advance(lexer);
    if (!is_digit(lexer->lookahead)) return true;
    skip_digits(lexer);
    accept(lexer, sym_float);
  }
  if (lexer->lookahead == 'e' || lexer->lookahead == 'E') {
    advance(lexer);
    if (lexer->lookahead == '+' || lexer->lookahead == '-') advance(lexer);
    if (!is_digit(lexer->lookahead)) return true;
    skip_digits(lexer);
    accept(lexer, sym_float);
  } else if (is_plain) {
    lex_units(lexer);
  }
  return true;
}

static bool fits(const Operator *operator, const char *text, size_t length, TSStateId mode) {
  return !(operator->unread & mode) && strlen(operator->text) == length && !strncmp(operator->text, text, length);
}

// The longest operator that fits. Of those that begin as it does, one is there for each length.
static bool lex_operator(TSLexer *lexer, TSStateId mode) {
  char text[3];
  bool found = false;
  for (size_t length = 1; length <= sizeof text && lexer->lookahead < 128; length++) {
    text[length - 1] = (char)lexer->lookahead;
    if (lexer->eof(lexer) || is_word(lexer->lookahead) || is_blank(lexer->lookahead)) break;
    advance(lexer);
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
      if (fits(&operators[i], text, length, mode)) {
        accept(lexer, operators[i].symbol);
        found = true;
      }
    }
  }
  return found;
}

static bool ts_lex(TSLexer *lexer, TSStateId mode) {
  if (mode == IN_STRING || mode == IN_BLOCK) return lex_string(lexer, mode == IN_BLOCK);
  while (is_blank(lexer->lookahead)) lexer->advance(lexer, true);
  if (lexer->eof(lexer)) return token(lexer, ts_builtin_sym_end);
  int32_t c = lexer->lookahead;
  if (is_letter(c)) {
    while (is_word(lexer->lookahead)) advance(lexer);
    return token(lexer, sym_name);
  }
  if (is_digit(c)) return lex_number(lexer);
  if (c == '"') return lex_quote(lexer);
  if (c == '\'') return lex_raw_string(lexer);
  if (c == '/') {
    advance(lexer);
    accept(lexer, anon_sym__2f);
    if (lexer->lookahead != '/') return true;
    advance(lexer);
    return lex_comment(lexer);
  }
  return lex_operator(lexer, mode);
}

// A word again, to see whether it is a keyword; whether that one fits here is the parser's to say.
static bool ts_lex_keywords(TSLexer *lexer, TSStateId state) {
  (void)state;
  char word[LONGEST_KEYWORD + 1];
  size_t length = 0;
  for (; is_word(lexer->lookahead); advance(lexer)) {
    if (length == LONGEST_KEYWORD) return false;
    word[length++] = (char)lexer->lookahead;
  }
  word[length] = '\0';
  for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++) {
    if (!strcmp(keywords[i].text, word)) return token(lexer, keywords[i].symbol);
  }
  return false;
}
