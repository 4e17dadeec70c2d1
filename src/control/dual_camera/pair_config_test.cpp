#include "control/dual_camera/pair_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "control/dual_camera/multipart_form.h"

namespace camweave {
namespace {

using testing::HasSubstr;
using Form = std::map<std::string, std::string>;

const Form good_form{{"gap", "-20"},           {"cam0_order", "2"},      {"cam1_order", "1"},
                     {"cam0_rotation", "90"},  {"cam1_rotation", "270"}, {"stream_width", "820"},
                     {"stream_height", "616"}, {"stream_quality", "50"}, {"stream_fps", "15"}};

std::string urlencoded(const Form& form) {
  std::string body;
  for (const auto& [name, value] : form) body += (body.empty() ? "" : "&") + name + "=" + value;
  return body;
}
std::string multipart(const Form& form) {
  std::string body;
  for (const auto& [name, value] : form) {
    body += "--XyZ\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n";
  }
  return body + "--XyZ--\r\n";
}
PairConfigRequest from(const Form& form) {
  return parse_pair_config("application/x-www-form-urlencoded", urlencoded(form));
}
Form with(std::string name, std::string value) {
  Form form = good_form;
  form[std::move(name)] = std::move(value);
  return form;
}

TEST(PairConfig, TheDefaultsAreTheOldServers) {
  EXPECT_EQ(to_json(PairConfig()).dump(),
            R"({"gap":76,"cameras":{"cam0":{"order":1,"rotation":0},"cam1":{"order":2,"rotation":0}},)"
            R"("stream":{"resolution":[640,480],"quality":80,"fps":30}})");
}

TEST(PairConfig, ThreeFormsOneMeaning) {
  const auto a = from(good_form);
  ASSERT_TRUE(a.ok());
  EXPECT_EQ(a.config.gap_px, -20);
  EXPECT_EQ(a.config.cameras[0].order, 2);
  EXPECT_EQ(a.config.cameras[1].rotation_degrees, 270);
  EXPECT_EQ(a.config.resolution, (Size{820, 616}));
  EXPECT_EQ(a.config.quality, 50);
  EXPECT_EQ(a.config.fps, 15);
  const auto b = parse_pair_config("multipart/form-data; boundary=XyZ", multipart(good_form));
  ASSERT_TRUE(b.ok());
  EXPECT_EQ(b.config, a.config);
  const auto c = parse_pair_config("application/json", to_json(a.config).dump());
  ASSERT_TRUE(c.ok());
  EXPECT_EQ(c.config, a.config);
}

TEST(PairConfig, EveryFieldIsNeeded) {
  for (const auto& [name, value] : good_form) {
    Form form = good_form;
    form.erase(name);
    const auto request = from(form);
    ASSERT_EQ(request.refusal.problems.size(), 1u) << name;
    EXPECT_EQ(request.refusal.problems[0].loc, std::vector<std::string>{name});
    EXPECT_EQ(request.refusal.problems[0].type, "missing");
  }
  EXPECT_EQ(parse_pair_config("application/json", "{}").refusal.problems.size(), 9u);
}

TEST(PairConfig, EveryFieldIsAWholeNumber) {
  for (const auto& [name, value] : good_form) {
    for (const char* wrong : {"many", "", "1.5", "1x", "99999999999999999999", "0x10"}) {
      const auto request = from(with(name, wrong));
      ASSERT_EQ(request.refusal.problems.size(), 1u) << name << "=" << wrong;
      EXPECT_EQ(request.refusal.problems[0].type, "int_parsing");
    }
  }
  for (const char* wrong :
       {R"({"gap":1.5})", R"({"gap":"5"})", R"({"gap":null})", R"({"gap":true})", R"({"gap":1e99})"}) {
    EXPECT_NE(parse_pair_config("application/json", wrong).refusal.problems[0].type, "missing") << wrong;
  }
}

struct OutOfRange {
  const char* field;
  std::vector<const char*> values;
};
TEST(PairConfig, OutOfRangeNamesTheField) {
  for (const OutOfRange& bad :
       {OutOfRange{"gap", {"-101", "101"}}, OutOfRange{"cam0_order", {"0", "3", "1"}},
        OutOfRange{"cam1_rotation", {"45", "360", "-90"}}, OutOfRange{"stream_quality", {"0", "101"}},
        OutOfRange{"stream_fps", {"0", "31"}}, OutOfRange{"stream_width", {"640", "0", "-820"}}}) {
    for (const char* value : bad.values) {
      const auto request = from(with(bad.field, value));
      EXPECT_TRUE(request.refusal.problems.empty());
      EXPECT_THAT(request.refusal.out_of_range, HasSubstr(bad.field)) << value;
    }
  }
}

TEST(PairConfig, WhatIsNoFormAndNoJsonIsRefused) {
  for (const char* type :
       {"", "application/json", "text/plain", "multipart/form-data", "multipart/form-data; boundary=XyZ"}) {
    EXPECT_FALSE(parse_pair_config(type, "garbage").ok()) << type;
    EXPECT_FALSE(parse_pair_config(type, "").ok()) << type;
    EXPECT_FALSE(parse_pair_config(type, "[1,2]").ok()) << type;
  }
}

TEST(PairConfig, OrderGapAndRotationDoNotTouchThePictures) {
  PairConfig turned;
  turned.gap_px = -5;
  turned.cameras = {{{2, 90}, {1, 180}}};
  EXPECT_EQ(rendition_of(turned), rendition_of(PairConfig()));
}

TEST(MultipartForm, AsBrowsersAndCurlSendIt) {
  const std::string body =
      "preamble\r\n--b\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Type: text/plain\r\n\r\n1\r\n--b \r\n"
      "content-disposition: form-data; filename=\"x;name=y\"; name=b\r\n\r\nline\r\n--not the "
      "end\r\n\r\n--b--\r\nepilogue";
  auto form = parse_multipart_form(body, "b");
  ASSERT_TRUE(form) << form.error().message;
  EXPECT_EQ(*form, (FormFields{{"a", "1"}, {"b", "line\r\n--not the end\r\n"}}));
}

TEST(MultipartForm, EmptyValuesAndForms) {
  auto form = parse_multipart_form("--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n--b--", "b");
  ASSERT_TRUE(form) << form.error().message;
  EXPECT_EQ(*form, (FormFields{{"a", ""}}));
  EXPECT_TRUE(parse_multipart_form("--b--", "b"));
}

TEST(MultipartForm, BrokenOnesAreRefused) {
  for (const char* body :
       {"", "--b", "--b\r\n", "--bx\r\n\r\n", "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1",
        "--b\r\n\r\nno name\r\n--b--", "x--b--"}) {
    EXPECT_FALSE(parse_multipart_form(body, "b")) << body;
  }
  std::string many;
  for (int i = 0; i < 100; ++i) many += "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n";
  EXPECT_FALSE(parse_multipart_form(many + "--b--", "b"));
}

TEST(MultipartForm, Boundary) {
  EXPECT_EQ(*multipart_boundary("multipart/form-data; charset=utf-8; boundary=\"a b\""), "a b");
  EXPECT_EQ(*multipart_boundary("multipart/form-data;boundary=----x"), "----x");
  EXPECT_FALSE(multipart_boundary("multipart/form-data"));
  EXPECT_FALSE(multipart_boundary("multipart/form-data; boundary=" + std::string(71, 'x')));
}

}  // namespace
}  // namespace camweave
